/** US dollars for people: `$1.25`, `$0.04`; what is more than nothing and less than a cent is `<$0.01`. */
export function usd(amount: number): string {
  if (!Number.isFinite(amount) || amount <= 0) return '$0.00';
  if (amount < 0.01) return '<$0.01';
  return `$${amount.toFixed(2)}`;
}
