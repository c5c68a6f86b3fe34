/** Hidden marker by which a comment or review of Banyan's is found again: `<!-- banyan:<kind>:<key> -->`. */
export function marker(kind: string, key: string): string {
  return `<!-- banyan:${kind}:${key.replaceAll('--', '-')} -->`;
}

/** True where a body that the App itself wrote carries the marker. Whoever calls has checked the author: anybody can write a marker. */
export function hasMarker(body: string | null | undefined, kind: string, key: string): boolean {
  return body?.includes(marker(kind, key)) ?? false;
}
