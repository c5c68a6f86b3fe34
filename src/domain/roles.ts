/** Roles whose title is not their name in capitals. */
const TITLES: Record<string, string> = { qa: 'QA' };

/** What people read: `product-owner` is the Product Owner. */
export function roleTitle(role: string): string {
  return TITLES[role] ?? role.replaceAll(/(^|-)([a-z])/g, (_match, dash: string, letter: string) => `${dash ? ' ' : ''}${letter.toUpperCase()}`);
}
