const UNITS = [
  { name: 'd', seconds: 86_400 },
  { name: 'h', seconds: 3_600 },
  { name: 'min', seconds: 60 },
  { name: 's', seconds: 1 },
] as const;

/** For people: `420 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. At most two units. */
export function humanDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms <= 0) return '0 s';
  if (ms < 1_000) return `${Math.ceil(ms)} ms`;
  const total = Math.round(ms / 1_000);
  const at = UNITS.findIndex((unit) => total >= unit.seconds);
  const big = UNITS[at];
  if (!big) return '0 s';
  const first = `${Math.floor(total / big.seconds)} ${big.name}`;
  const small = UNITS[at + 1];
  const rest = small ? Math.floor((total % big.seconds) / small.seconds) : 0;
  return small && rest > 0 ? `${first} ${rest} ${small.name}` : first;
}

/** `12:03`, in UTC; with the day where it is another one than `now`'s: `21 Nov, 12:03`. */
export function clockTime(at: string | Date, now: Date = new Date()): string {
  const [day, time = ''] = new Date(at).toISOString().split('T');
  const clock = time.slice(0, 5);
  if (day === now.toISOString().slice(0, 10)) return clock;
  return `${new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })}, ${clock}`;
}
