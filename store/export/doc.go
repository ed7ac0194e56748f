// Package export writes transcripts for other programs and for people, and reads them back.
//
//	                  ┌─ jsonl  everything, lossless; [Reader] reads it again
//	store ─ [Copy] ─► ├─ txt    for people
//	 (pages)          ├─ csv    for spreadsheets: one row a line, cells that cannot become formulas
//	                  └─ vtt    subtitles that run with the recording (WebVTT)
//
// A transcript goes through page by page: however long it is, one page of it is in memory.
package export
