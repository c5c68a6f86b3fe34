/** How the options of each command are written. Apart from the commands, which load much: whoever asks for help waits for none of it. */

export const AGENT_USAGE = [
  'keygen   --out FILE                                                     A key pair: the private key to FILE, the public key is printed',
  'register --url URL --organization LOGIN --role ROLE --name NAME --key PUBLIC_KEY   (needs CRON_SECRET)',
  'retire   --url URL --agent ID                                           Its key counts no more (needs CRON_SECRET)',
  'send     --url URL --agent ID --key-file FILE --action ACTION [--body JSON_FILE]   One signed request: heartbeat, claim, renew, release, result',
];

export const DOCTOR_USAGE = [
  '--url https://...     the deployment, where BANYAN_URL is not set',
  '--variables .env      a file with the variables of the deployment; else those of this shell, else the stack of `npm start`',
  '--data-dir .banyan    the stack of `npm start` with this data folder',
  '--json                for machines',
];

export const FLEET_USAGE = [
  '--owner <account>     only its repositories; default: all that the token sees',
  '--issue               keep the issue of the mother current; --in owner/repo, default: GITHUB_REPOSITORY, else the remote of this checkout',
  '--json                for machines',
];

export const MIGRATE_USAGE = ['--check               apply nothing; ends with 1 where some are waiting', '--json                for machines'];

export const PROPOSE_USAGE = [
  '<file...>             managed or merged files of this child',
  '--to owner/repo       the mother, where the book names none',
  '--issue, --pull-request   one of them; default: a pull request where the token may push, else an issue',
  '--title "..."         instead of the names of the files',
  '--allow <text>        a word that looks like the child’s own, and means nobody; again for each',
  '--dry-run             only show what would leave',
  '--yes                 ask nothing; --json: for machines',
];

export const SPAWN_USAGE = [
  '--domain <domain>     e-commerce, fintech, saas, library, mcp-server, custom',
  '--agents a,b          roles that are specialised (default: those of the domain)',
  '--owner <account>     on GitHub',
  '--description "..."   what the product is, in one line',
  '--schedule daily      for Vercel Hobby (default: minute)',
  '--effort thorough     frugal, balanced, thorough: what an issue may cost',
  '--data <file.json>    the answers as a file; what is given beside it wins',
  '--dir <folder>        where, when not in a folder of its name; --into: although the folder holds other files',
  '--yes                 ask nothing, take defaults',
  '--banyan <spec>       the package: a tarball, a checkout, a version (default: this one, packed)',
  '--dry-run             only say what would be done; --json: for machines',
  '--no-install, --no-test, --no-git, --nested-git',
  '--github, --app, --supabase, --vercel   set up these, also later, in the folder of a child; --url https://... of the deployment',
];

export const UPDATE_USAGE = [
  '--to v0.3.0           a version, `latest`, a tarball, or a checkout of the mother',
  '--check               write nothing; ends with 0 up to date, 1 problems in the child, 2 not known, 10 an update waits',
  '--local               with --check: only the child itself, without a network',
  '--dry-run             show what would change',
  '--data <file.json>    answers to what a new template asks; --yes: ask nothing, take defaults',
  '--pull-request        as one pull request at GitHub, kept current (what banyan-update.yml runs; GITHUB_TOKEN)',
  '--major               with --pull-request: to a new major version without asking',
  '--force               although not everything is committed',
  '--no-install          leave `npm install` to you',
  '--no-codemods         leave your own code as it is',
  '--json                for machines',
];
