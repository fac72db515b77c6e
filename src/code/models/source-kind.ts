/** Who decides about an untrusted value. */
export type SourceKind =
  | 'request'
  | 'page'
  | 'argument'
  | 'archive'
  | 'library'
  | 'model'
  | 'tool'
  | 'file'
  | 'message'
