// The filters: days are the reader's, and the address has only what was filled in.

const form = document.getElementById('filters');
const zone = form.elements.tz;

form.addEventListener('submit', () => {
  const days = form.elements.from.value || form.elements.to.value;
  zone.value = days ? zone.value || Intl.DateTimeFormat().resolvedOptions().timeZone : '';
  for (const field of form.elements) if (field.name && field.value === '') field.disabled = true;
});

// Who comes back to the page finds every field usable again.
addEventListener('pageshow', () => { for (const field of form.elements) field.disabled = false; });
