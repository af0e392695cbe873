/** Keys that a careless hop changes, each named by what it would do to them. */
export const ODD_KEYS: readonly { readonly why: string; readonly name: string }[] = [
  { why: 'a space', name: 'a b' },
  { why: 'a plus, which a query would read as a space', name: 'a+b' },
  { why: 'a percent sign and what looks like an escape', name: '100%/%41' },
  { why: 'letters of more than one byte', name: 'ünïcödé/日本/🙂' },
  { why: 'an equals sign', name: 'x=y&z' },
  { why: 'a colon', name: 'x:y' },
  { why: 'a number with leading zeros', name: '007' },
  { why: 'spaces at both ends', name: ' x ' },
  { why: 'a word that reads as a boolean', name: 'true' },
  { why: 'marks that XML, URLs and shells give a meaning', name: `quo'te"(!)*~<&>;,@$?#` },
  // Directories of a file system hold at most 255 bytes, which is where the command line takes its objects from.
  { why: 'nine hundred bytes', name: `${`${'k'.repeat(199)}/`.repeat(4)}${'k'.repeat(100)}` }
]
