import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { BanyanError } from '../kernel/errors.ts';
import {
  domainSchema,
  parseManifest,
  partsSchema,
  scaffoldSchema,
  versionSchema,
  type DomainManifest,
  type PartsManifest,
  type ScaffoldManifest,
} from './manifest.ts';

/** A file of the template as it stands there. */
export interface TemplateFile {
  /** Where it goes in a child. */
  path: string;
  /** Where it is in the mother: what a child proposes back is a change of this file. */
  origin: string;
  text: string;
}

export interface Domain {
  name: string;
  manifest: DomainManifest;
  files: TemplateFile[];
}

export interface Parts {
  name: string;
  manifest: PartsManifest;
  files: Map<string, TemplateFile>;
}

/** A version of the template: data only. Nothing of it is executed, so that this code renders older and newer versions alike. */
export interface Template {
  name: string;
  version: string;
  /** Exact versions of packages, as the mother pins them. */
  packages: Record<string, string>;
  /** What the mother supports, for `engines`. */
  node: string;
  manifest: ScaffoldManifest;
  files: TemplateFile[];
  domains: Map<string, Domain>;
  parts: Parts[];
}

const packageSchema = z.object({
  name: z.literal('banyan'),
  version: versionSchema,
  engines: z.object({ node: z.string() }),
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
});

/** Folders of `templates/` whose files go into a child as their manifest says. */
const PARTS = ['agent-configs', 'github-workflows', 'vercel-configs'];

/** `dot_gitignore` is `.gitignore`: npm would drop or obey the real name inside a package. `package.json.txt` likewise is `package.json`. */
function realName(path: string): string {
  return path
    .split('/')
    .map((part) => part.replace(/^dot_/, '.').replace(/^package\.json\.txt$/, 'package.json'))
    .join('/');
}

/** Text with LF, whatever a checkout made of it. */
function readText(path: string): string {
  return readFileSync(path, 'utf8').replaceAll('\r\n', '\n');
}

function listFiles(folder: string, below = ''): string[] {
  return readdirSync(join(folder, below))
    .toSorted()
    .flatMap((name) => {
      const path = below === '' ? name : `${below}/${name}`;
      const kind = lstatSync(join(folder, path));
      if (kind.isDirectory()) return listFiles(folder, path);
      if (kind.isFile()) return [path];
      throw new BanyanError('config_invalid', `${join(folder, path)} is neither a file nor a folder.`, { fix: 'A template holds no links.' });
    });
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function readFiles(root: string, folder: string): TemplateFile[] {
  if (!isFolder(join(root, folder))) return [];
  return listFiles(join(root, folder)).map((path) => ({
    path: realName(path),
    origin: `${folder}/${path}`,
    text: readText(join(root, folder, path)),
  }));
}

function readManifest<T>(root: string, folder: string, schema: z.ZodType<T>): T {
  const path = `${folder}/manifest.yml`;
  try {
    return parseManifest(readText(join(root, path)), path, schema);
  } catch (cause) {
    if (cause instanceof BanyanError) throw cause;
    throw new BanyanError('not_found', `${root} has no ${path}: it holds no template of Banyan.`, {
      fix: 'Name the folder of the package, or of a checkout.',
      cause,
    });
  }
}

function readDomains(root: string): Map<string, Domain> {
  const folder = 'templates/domains';
  const names = readdirSync(join(root, folder)).filter((name) => isFolder(join(root, folder, name)));
  return new Map(
    names.toSorted().map((name) => {
      const own = `${folder}/${name}`;
      return [name, { name, manifest: readManifest(root, own, domainSchema), files: readFiles(root, `${own}/files`) }];
    }),
  );
}

function readParts(root: string): Parts[] {
  const present = PARTS.filter((name) => lstatSync(join(root, 'templates', name, 'manifest.yml'), { throwIfNoEntry: false }));
  return present.map((name) => {
    const folder = `templates/${name}`;
    const manifest = readManifest(root, folder, partsSchema);
    const files = manifest.files.map(({ from, to }) => [from, { path: to, origin: `${folder}/${from}`, text: readPart(root, folder, from) }] as const);
    return { name, manifest, files: new Map(files) };
  });
}

function readPart(root: string, folder: string, from: string): string {
  if (!listFiles(join(root, folder)).includes(from)) {
    throw new BanyanError('config_invalid', `${folder}/manifest.yml: files: there is no ${from} in ${folder}.`, { fix: 'Name a file of the same folder.' });
  }
  return readText(join(root, folder, from));
}

function readPackage<T>(root: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(readText(join(root, 'package.json'))));
  } catch (cause) {
    throw new BanyanError('not_found', `${root} is not the package banyan.`, { fix: 'Name the folder of the package, or of a checkout.', cause });
  }
}

/**
 * The version of a package, whatever else it holds.
 * @throws BanyanError `not_found` where it is not ours
 */
export function readVersion(root: string): string {
  return readPackage(root, packageSchema.pick({ name: true, version: true })).version;
}

/**
 * Reads a template.
 * @param root a folder that holds `package.json`, `child-template/` and `templates/`: a checkout, the installed package, or an unpacked tarball
 * @throws BanyanError `not_found` where it holds none, `config_invalid` where a manifest is wrong
 */
export function readTemplate(root: string): Template {
  const own = readPackage(root, packageSchema);
  const manifest = readManifest(root, 'child-template', scaffoldSchema);
  return {
    name: manifest.name,
    version: own.version,
    packages: { ...own.devDependencies, ...own.dependencies, ...own.optionalDependencies },
    node: own.engines.node,
    manifest,
    files: readFiles(root, 'child-template/files'),
    domains: readDomains(root),
    parts: readParts(root),
  };
}
