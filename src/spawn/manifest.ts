import semver from 'semver';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { BanyanError } from '../kernel/errors.ts';

/** The format of manifests and books that this code writes. It reads every format up to it. */
export const FORMAT = 1;

export const FILE_CLASSES = ['managed', 'merged', 'seed', 'local'] as const;
/** managed: replaced by an update; merged: three-way; seed: written once; local: never touched. */
export type FileClass = (typeof FILE_CLASSES)[number];

/** Exactly one version. It becomes part of a path, of a branch, and of what npm is asked for. */
export const versionSchema = z
  .string()
  .max(100)
  .refine((version) => /^\d[\w.+-]*$/.test(version) && semver.valid(version) !== null, 'must be a version such as 0.3.0');

const format = z.literal(FORMAT, `must be ${FORMAT}: a newer format needs a newer banyan`);
const line = z.string().trim().min(1).max(400);

/** `child-template/manifest.yml`. */
export const scaffoldSchema = z.strictObject({
  format,
  name: z.string().min(1),
  /** The first glob that matches a path decides; every file must be matched. */
  classes: z.array(z.strictObject({ glob: z.string().min(1), class: z.enum(FILE_CLASSES) })).min(1),
  /** Files that a version of the template moved, so that an update carries local edits along. */
  renames: z.array(z.strictObject({ from: z.string().min(1), to: z.string().min(1), version: versionSchema })).default([]),
});

const role = z.string().regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/);

/** `templates/domains/<domain>/manifest.yml`. */
export const domainSchema = z.strictObject({
  format,
  title: line,
  description: line,
  /** Roles that the domain can specialise; each is the file `src/agents/<role>.ts`, which exports the class. */
  agents: z
    .record(role, z.strictObject({ class: z.string().regex(/^[A-Z][A-Za-z0-9]*$/) }))
    .refine((agents) => Object.keys(agents).length > 0, 'must offer at least one role'),
  /** What is taken where nobody answers. */
  defaults: z.strictObject({ agents: z.array(role).min(1), description: line }),
});

/** `templates/<folder>/manifest.yml` of a folder of files of which an answer chooses one, or that are all taken. */
export const partsSchema = z.strictObject({
  format,
  description: line,
  /** From a file of this folder to a path of the child; `when` names the answers for which it is taken. */
  files: z
    .array(
      z.strictObject({
        from: z.string().min(1),
        to: z.string().min(1),
        description: line,
        when: z.record(z.string(), z.string()).default({}),
      }),
    )
    .min(1),
});

export type ScaffoldManifest = z.infer<typeof scaffoldSchema>;
export type DomainManifest = z.infer<typeof domainSchema>;
export type PartsManifest = z.infer<typeof partsSchema>;

/** @throws BanyanError `config_invalid` naming file, field and what is wrong with it */
export function parseManifest<T>(text: string, path: string, schema: z.ZodType<T>): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) throw invalid(path, `line ${lines.linePos(broken.pos[0]).line}: ${broken.message}`);
  const result = schema.safeParse(document.toJS({ maxAliasCount: 0 }));
  if (result.success) return result.data;
  throw invalid(path, result.error.issues.map((issue) => `${issue.path.join('.') || '(file)'}: ${issue.message}`).join('; '));
}

function invalid(path: string, problem: string): BanyanError {
  return new BanyanError('config_invalid', `${path}: ${problem}`, { fix: `Correct ${path}; docs/children.md explains its fields.`, data: { path } });
}
