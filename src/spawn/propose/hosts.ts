const PUBLIC_DOMAINS = [
  ...['github.com', 'githubusercontent.com', 'nodejs.org', 'mozilla.org', 'ietf.org', 'w3.org', 'wikipedia.org', 'typescriptlang.org', 'localhost'],
  ...['json-schema.org', 'schema.org', 'semver.org', 'keepachangelog.com', 'conventionalcommits.org', 'example.com', 'example.net', 'example.org'],
  // Registries of packages.
  ...['npmjs.com', 'npmjs.org', 'yarnpkg.com', 'jsr.io', 'pypi.org', 'pythonhosted.org', 'golang.org', 'crates.io', 'rubygems.org', 'maven.org'],
  ...['gradle.org', 'nuget.org', 'apache.org'],
];
/** Of these what lies below may be somebody's. */
const PUBLIC_SITE =
  /^(?:(?:www|docs)\.)?(?:vercel|supabase|gitlab|openai|anthropic|docker)\.com$|^(?:bitbucket\.org|ghcr\.io|asp\.net|socket\.io|vitest\.dev|vite\.dev)$/i;
/** To be filled in, or never given to anybody. */
const NOBODYS_HOST = /^your[-_.]|\.(?:example|test|invalid)$/i;

/** Hosts that name nobody. */
function isPublic(host: string): boolean {
  const name = host.toLowerCase();
  return NOBODYS_HOST.test(name) || PUBLIC_SITE.test(name) || PUBLIC_DOMAINS.some((domain) => name === domain || name.endsWith(`.${domain}`));
}

/** Whatever the scheme; with or without a user. */
const URL_HOST = /\b[a-z][a-z0-9+.-]{1,20}:\/\/(?:[^\s/@'"`]{1,200}@)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)/gi;

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
/** A whole name with dots, what stands before it, and what follows: only where it cannot be a part of a longer path or word. */
const DOTTED = new RegExp(String.raw`(?:(?<![\w.@$/\\-])|(?<=(?:^|[\s"'\`(=])//))((?:${LABEL}\.){1,10}([a-z]{2,24}))(?![\w-]|\.\w)(:\d{2,5}(?!\d))?`, 'gi');

/** What a file ends with, and no host. */
const FILE =
  /\.(?:[cm]?[jt]sx?|json[c5l]?|ya?ml|toml|md|mdx|txt|html?|css|scss|svg|png|jpe?g|gif|ico|sql|sh|bash|zsh|py|rb|go|rs|java|kt|cs|php|lock|log|env|local|test|spec|config|snap|map|xml|csv|pdf|zip|tgz|gz|tar|key|pem|crt|ini|cfg|conf|tf|tfvars|prisma|vue|svelte|graphql|proto|wasm|node|d|generated|example|sample|template)$/i;
/** Ends of names that no property of an object is likely to have. */
const PLAIN_END = /^(?:com|eu|de|ch|fr|uk|nl|pl|se|dk|cz|pt|ru|cn|jp|kr|br|au|ca|nz|za|gmbh|biz|edu|gov|mil)$/i;
/** Ends of names that code has for properties, too: `stack.app`, `config.io`. */
const CODE_END =
  /^(?:io|app|dev|net|org|ai|co|cloud|info|shop|store|tech|online|site|xyz|systems|software|services?|team|run|host|hosting|digital|network|live|me|tv|it|at|es|be|us|fi|no|ie|li|lu)$/i;
/** What says that a host follows: `host: `, `"SMTP_SERVER": "`, `url=`. */
const HOST_NAME =
  /(?:host(?:name)?|server|url|uri|endpoint|domain|origin|registry|proxy|broker|gateway|upstream|address|bucket|dsn)s?["']?\s{0,4}[:=]{1,2}\s{0,4}(["'`]?)$/i;
const BEFORE_CHARS = 60;

interface Dotted {
  host: string;
  end: string;
  port: boolean;
  /** The text before and the character after. */
  before: string;
  after: string;
}

/** In code a name with a dot is most often a member; in quotes or in a comment it is not. */
function isProse({ host, before, after }: Dotted): boolean {
  return host.includes('-') || /["'`]$|\/\/$/.test(before) || (/(?:^|\s)(?:\/\/|\/?\*|#).{0,60}$/.test(before) && !/[(=[]/.test(after));
}

function isHost(found: Dotted, code: boolean): boolean {
  const { host, end, port, before, after } = found;
  if (isPublic(host) || FILE.test(host)) return false;
  if (port) return true;
  if (/[(=[]/.test(after) && !isProse(found)) return false;
  const named = HOST_NAME.exec(before);
  if (named && (!code || named[1] !== '' || isProse(found))) return true;
  if (PLAIN_END.test(end)) return true;
  return CODE_END.test(end) && (!code || isProse(found));
}

const CODE = /\.[cm]?[jt]sx?$/;

function withoutScheme(line: string, path: string): string[] {
  return [...line.matchAll(DOTTED)].flatMap(({ 0: whole, 1: host = '', 2: end = '', 3: port, index }) => {
    const before = line.slice(Math.max(index - BEFORE_CHARS, 0), index);
    const found = { host, end, port: port !== undefined, before, after: line.charAt(index + whole.length) };
    return isHost(found, CODE.test(path)) ? [host] : [];
  });
}

/** Names of machines in a line, with a scheme or without. */
export function hostsIn(line: string, path: string): string[] {
  const addressed = [...line.matchAll(URL_HOST)].flatMap(([, host = '']) => (isPublic(host) ? [] : [host]));
  return [...new Set([...addressed, ...withoutScheme(line, path)])];
}

/** Where repositories and images lie below an account. */
const REPOSITORY =
  /(?<![\w.-])((?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org|ghcr\.io|raw\.githubusercontent\.com|api\.github\.com\/repos|gist\.github\.com)\/([\w.-]{1,100})\/([\w.-]{1,100}))/gi;
const NO_ACCOUNT =
  /^(?:about|apps|codespaces|collections|customer-stories|enterprise|explore|features|login|marketplace|new|orgs|organizations|pricing|settings|site|sponsors|topics|users)$/i;
/** Those whose tools everybody uses. */
const PUBLIC_ACCOUNT =
  /^(?:acme|actions|anthropics|octocat|docker|electric-sql|github|microsoft|nodejs|npm|octokit|openai|oxc-project|pnpm|postgres|rust-lang|supabase|vercel|vitejs|vitest-dev)$/i;

/** `host/account/repository` in a line: what is not the mother's may be private. */
export function repositoriesIn(line: string, isKnown: (repository: string) => boolean): string[] {
  return [...line.matchAll(REPOSITORY)].flatMap(([, whole = '', account = '', name = '']) => {
    const repository = name.replace(/\.git$|\.$/, '');
    if (NO_ACCOUNT.test(account) || PUBLIC_ACCOUNT.test(account) || isKnown(`${account}/${repository}`)) return [];
    return [whole.slice(0, whole.length - (name.length - repository.length))];
  });
}
