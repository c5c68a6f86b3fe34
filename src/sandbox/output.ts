/** Keeps the head and the tail of a stream in bounded memory. */
export interface OutputCollector {
  push(chunk: Uint8Array): void;
  finish(): { output: string; truncated: boolean };
}

/** Half of the bytes for the head (what was started), half for the tail (how it ended: most errors are there). */
export function createOutputCollector(maxBytes: number): OutputCollector {
  const headLimit = Math.ceil(maxBytes / 2);
  const tailLimit = maxBytes - headLimit;
  const head: Buffer[] = [];
  let headBytes = 0;
  let tail: Buffer[] = [];
  let tailBytes = 0;
  let total = 0;

  function pushTail(chunk: Buffer): void {
    tail.push(chunk);
    tailBytes += chunk.length;
    // Compacted only when twice too long, so a flood of small chunks costs little.
    if (tailBytes <= tailLimit * 2 + 65_536) return;
    const kept = Buffer.concat(tail).subarray(-tailLimit || tailBytes);
    tail = [Buffer.from(kept)];
    tailBytes = kept.length;
  }

  return {
    push(chunk) {
      const bytes = Buffer.from(chunk);
      total += bytes.length;
      const room = headLimit - headBytes;
      if (room > 0) {
        head.push(bytes.subarray(0, room));
        headBytes += Math.min(room, bytes.length);
      }
      if (bytes.length > room) pushTail(bytes.subarray(Math.max(room, 0)));
    },
    finish() {
      const start = Buffer.concat(head);
      const end = Buffer.concat(tail);
      if (total <= maxBytes) return { output: Buffer.concat([start, end]).toString('utf8'), truncated: false };
      const kept = tailLimit === 0 ? Buffer.alloc(0) : end.subarray(-tailLimit);
      const cut = total - start.length - kept.length;
      return { output: `${start.toString('utf8')}\n[... ${cut} bytes cut ...]\n${kept.toString('utf8')}`, truncated: true };
    },
  };
}
