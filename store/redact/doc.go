// Package redact takes personal data out of a transcript before anybody can read it: before the store, its spool, the
// live view and the log. What was never written need not be deleted, and cannot be stolen.
//
//	scribe ──entries──► Call.Entries ──redacted copies──► Writer, live view
//	                      │
//	                      ├─ words → digits    "double four, uh, zweiundvierzig" → 4442
//	                      ├─ what is it?       check digit, country, shape, the words around it
//	                      └─ memory of the call: unfinished numbers, masked numbers
//
// What goes leaves a mark in its place, the same in all languages: [card], [iban], [ssn], [email], [phone], and [digits]
// for a piece of a number that was not finished.
//
// # A number over several lines
//
// A caller says eight digits, the agent says "go on", the caller says the other eight. When the first line is to be
// written nobody can know what it is. Three ways were weighed:
//
//   - Hold the line back until the next one comes. A process that dies loses a finished line, which the store promises
//     not to, and the live view stalls at the very moment when a supervisor looks.
//   - Write it as it is and replace it later. It would have been in the spool, on the page and in every follower; and an
//     entry that is written again under its id is, on purpose, not replaced.
//   - Mask at once what can be such a piece. This is what is done. Nothing waits and nothing is lost but digits.
//
// So a line that ends in seven or more digits that can begin a card or an account loses them: [digits]. So do twelve
// digits anywhere, and any such piece where the talk is of a card. Shorter pieces
// stay, but each later line of the same speaker is judged together with them: four digits, four, four and four come out
// as 4111, [digits], [digits], [card]. A security number is masked from five digits on, where the talk is of one.
//
// It must not take the numbers that a supervisor reads transcripts for. A piece stays when it begins as no card does (0,
// 1, 7 to 9, +49), when it has the ten digits of a phone number, when the words around it, or the question before it,
// call it an order, a price, a parcel or a phone, and when more than five words follow it. Where this guess is wrong the
// piece that stays has 11 digits at most, and the line of the same speaker that completes the number is masked, when it
// comes within four of his lines and without another number between.
//
// What can be wrong the other way: an order number of seven digits or more that begins like a card, stands at the end of
// a line and was called nothing becomes [digits]. One in ten numbers of sixteen digits has a good check digit and becomes
// [card]. Both can be had again from the caller; a leaked card cannot be taken back.
//
// # What it does not see
//
// Languages other than English and German for spoken digits, digits of other scripts, "hundred" inside a number, a
// security code in a line of its own, names and addresses of houses. A number split over several strings of one JSON
// document is judged piece by piece. Fields of tools that are known to hold secrets are better withheld by name, and
// cards better taken by keys than by voice.
package redact
