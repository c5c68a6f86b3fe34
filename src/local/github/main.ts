import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { createLocalGitHub } from './server.ts';

const limit = z.number().int().min(0);
const optionsSchema = z.object({
  port: z.number().int().min(0).max(65_535),
  dataDir: z.string().min(1),
  app: z.object({
    id: z.number().int().positive(),
    privateKey: z.string().min(1),
    webhookSecret: z.string().min(1),
    permissions: z.record(z.string(), z.enum(['read', 'write', 'admin'])).optional(),
    events: z.array(z.string()).optional(),
  }),
  webhookUrl: z.url().nullable(),
  publicUrl: z.url().optional(),
  limits: z
    .object({ requestsAnHour: limit, pointsAMinute: limit, creationsAMinute: limit, creationsAnHour: limit, atOnce: limit, retryAfter: z.number().nullable() })
    .partial()
    .optional(),
});

async function main(argument: string | undefined): Promise<void> {
  if (argument === undefined) throw new Error('usage: main.ts <options as JSON, or the path of a file that holds them>');
  const text = argument.trimStart().startsWith('{') ? argument : readFileSync(argument, 'utf8');
  const github = await createLocalGitHub(optionsSchema.parse(JSON.parse(text)));
  process.stdout.write(`listening ${github.url}\n`);
  const stop = () => {
    void github.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main(process.argv[2]).catch((error: unknown) => {
  process.stderr.write(`local github: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
