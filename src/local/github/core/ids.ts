/** Node ids as GraphQL and webhooks show them: a prefix for the kind, then the database id, opaque to callers. */

export type NodeKind =
  | 'U'
  | 'O'
  | 'BOT'
  | 'A'
  | 'R'
  | 'I'
  | 'PR'
  | 'IC'
  | 'LA'
  | 'MI'
  | 'PRR'
  | 'PRRC'
  | 'PRRT'
  | 'CR'
  | 'CS'
  | 'SC'
  | 'DE'
  | 'DES'
  | 'WFR'
  | 'REA'
  | 'C'
  | 'T'
  | 'B'
  | 'TA'
  | 'REF'
  | 'MDI';

const MARK = 'kwDO';

export function nodeId(kind: NodeKind, id: number | string): string {
  return `${kind}_${MARK}${Buffer.from(String(id)).toString('base64url')}`;
}

/** Undefined for text that is not a node id of ours. */
export function parseNodeId(text: string): { kind: string; id: string } | undefined {
  const match = /^([A-Z]+)_kwDO([\w-]+)$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { kind: match[1], id: Buffer.from(match[2], 'base64url').toString() };
}
