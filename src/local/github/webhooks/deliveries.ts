import { createHmac, randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DeliveryRecord, JsonObject } from '../core/model.ts';

const TIMEOUT_MS = 10_000;
const KEEP_MS = 3 * 24 * 3600 * 1000;
const RESPONSE_CHARS = 10_000;

export interface Outgoing {
  event: string;
  action: string | null;
  repositoryId: number | null;
  payload: JsonObject;
}

export interface DeliveryOptions {
  /** File of records, a JSON line each; the last line of an id counts. */
  file: string;
  target(): { url: string | null; secret: string };
  hookId: number;
  appId: number;
  nextId(): number;
}

const WAITING = 'pending';

/**
 * The App's webhook: one queue, in order, ten seconds for an answer, never tried again by itself.
 * A delivery is on disk before it is sent, so one that a kill interrupted is sent after the restart, under the same GUID.
 */
export class DeliveryQueue {
  readonly #options: DeliveryOptions;
  readonly #records: DeliveryRecord[];
  readonly #waiting: DeliveryRecord[];
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#records = load(options.file);
    this.#waiting = this.#records.filter((record) => record.status === WAITING);
  }

  highestId(): number {
    return this.#records.at(-1)?.id ?? 0;
  }

  enqueue(outgoing: Outgoing): void {
    if (this.#options.target().url === null) return;
    this.#add({ ...outgoing, guid: randomUUID(), redelivery: false });
  }

  /** Sends a delivery's payload again, under its GUID, as a record of its own. */
  redeliver(record: DeliveryRecord): void {
    this.#add({ event: record.event, action: record.action, repositoryId: record.repositoryId, payload: record.payload, guid: record.guid, redelivery: true });
  }

  /** Finished deliveries, newest first. */
  list(): DeliveryRecord[] {
    return this.#records.filter((record) => record.status !== WAITING).reverse();
  }

  find(id: number): DeliveryRecord | undefined {
    return this.#records.find((record) => record.id === id && record.status !== WAITING);
  }

  /** Resolves when everything that was queued until now has been sent. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  #add(delivery: Outgoing & { guid: string; redelivery: boolean }): void {
    const target = this.#options.target();
    const record: DeliveryRecord = {
      ...delivery,
      id: this.#options.nextId(),
      deliveredAt: new Date().toISOString(),
      durationSeconds: 0,
      status: WAITING,
      statusCode: 0,
      url: target.url ?? '',
      requestHeaders: this.#headers(delivery),
      responseHeaders: {},
      responseBody: '',
    };
    this.#records.push(record);
    this.#waiting.push(record);
    this.#write(record);
    this.start();
  }

  #headers(delivery: { event: string; guid: string }): Record<string, string> {
    return {
      Accept: '*/*',
      'Content-Type': 'application/json',
      'User-Agent': 'GitHub-Hookshot/banyan',
      'X-GitHub-Delivery': delivery.guid,
      'X-GitHub-Event': delivery.event,
      'X-GitHub-Hook-ID': String(this.#options.hookId),
      'X-GitHub-Hook-Installation-Target-ID': String(this.#options.appId),
      'X-GitHub-Hook-Installation-Target-Type': 'integration',
    };
  }

  /** Begins to send, unless there is nothing to send or nowhere to send it to. */
  start(): void {
    if (this.#options.target().url === null) return;
    if (this.#running !== undefined || this.#waiting.length === 0 || this.#abort.signal.aborted) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      this.start();
    });
  }

  async #run(): Promise<void> {
    for (let record = this.#waiting.shift(); record !== undefined; record = this.#waiting.shift()) {
      await this.#send(record);
      if (this.#abort.signal.aborted) return;
      // The payload is in the file already; loading puts the two lines together.
      this.#write({ ...record, payload: undefined });
    }
  }

  async #send(record: DeliveryRecord): Promise<void> {
    const { secret, url } = this.#options.target();
    record.url = url ?? record.url;
    const body = JSON.stringify(record.payload);
    const started = performance.now();
    const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    record.requestHeaders['X-Hub-Signature-256'] = signature;
    record.deliveredAt = new Date().toISOString();
    try {
      const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(TIMEOUT_MS)]);
      const response = await fetch(record.url, { method: 'POST', headers: record.requestHeaders, body, signal, redirect: 'manual' });
      record.responseBody = (await response.text()).slice(0, RESPONSE_CHARS);
      record.responseHeaders = Object.fromEntries(response.headers);
      record.statusCode = response.status;
      record.status = response.ok ? 'OK' : `Invalid HTTP Response: ${response.status}`;
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      const timedOut = error instanceof Error && error.name === 'TimeoutError';
      record.statusCode = timedOut ? 504 : 502;
      record.status = timedOut ? 'timed out' : 'failed to connect to host';
    }
    record.durationSeconds = Math.round(performance.now() - started) / 1000;
  }

  #write(record: Omit<DeliveryRecord, 'payload'> & { payload?: JsonObject | undefined }): void {
    appendFileSync(this.#options.file, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  }
}

function load(file: string): DeliveryRecord[] {
  mkdirSync(dirname(file), { recursive: true });
  if (!existsSync(file)) return [];
  const byId = new Map<number, DeliveryRecord>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const record = parseLine(line);
    if (record !== undefined && Date.parse(record.deliveredAt) > Date.now() - KEEP_MS) byId.set(record.id, { ...byId.get(record.id), ...record });
  }
  const records = [...byId.values()].sort((a, b) => a.id - b.id);
  writeFileSync(`${file}.tmp`, records.map((record) => `${JSON.stringify(record)}\n`).join(''), { mode: 0o600 });
  renameSync(`${file}.tmp`, file);
  return records;
}

/** The last line may be cut off by a kill. */
function parseLine(line: string): DeliveryRecord | undefined {
  if (line === '') return undefined;
  try {
    return JSON.parse(line) as DeliveryRecord;
  } catch {
    return undefined;
  }
}
