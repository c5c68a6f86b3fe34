import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

export const secretsSchema = z.object({
  app: z.object({ id: z.number().int(), privateKey: z.string(), webhookSecret: z.string() }),
  cronSecret: z.string(),
  keys: z.object({ publishable: z.string(), secret: z.string() }),
});

export type Secrets = z.output<typeof secretsSchema>;

/** Made for one data folder, kept in it, the same at every start; none is a default that somebody else could know. */
export function keepSecrets(dataDir: string): Secrets {
  const file = join(dataDir, 'secrets.json');
  const kept = readIfThere(file);
  if (kept !== undefined) return secretsSchema.parse(JSON.parse(kept));
  const secrets = makeSecrets();
  writePrivate(file, secrets);
  return secrets;
}

/** Whole or not at all, and for its owner only. */
export function writePrivate(file: string, content: unknown): void {
  const draft = `${file}.draft`;
  writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function makeSecrets(): Secrets {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const random = () => randomBytes(24).toString('base64url');
  return {
    app: { id: 1, privateKey, webhookSecret: random() },
    cronSecret: random(),
    keys: { publishable: `sb_publishable_${random()}`, secret: `sb_secret_${random()}` },
  };
}
