/** Hidden marker by which a comment or review of Banyan's is found again: `<!-- banyan:<kind>:<key> -->`. */
export function marker(kind: string, key: string): string {
  return `<!-- banyan:${kind}:${key.replaceAll('--', '-')} -->`;
}
