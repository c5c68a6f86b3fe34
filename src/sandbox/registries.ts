/**
 * The hosts that a command with `network: 'registries'` can reach: where package managers read their indexes and archives, and
 * nothing else. No host where anybody could store what they like under an address of their own (code hosting, object storage,
 * gists); for this reason PHP's Composer is missing, whose archives come from GitHub.
 *
 * The limit of this wall: a registry also takes uploads from whoever brings an account. It keeps a stranger's code from reaching
 * arbitrary servers; it is no proof against somebody who publishes what was read. So it is open for installs only.
 */
export const REGISTRY_HOSTS: readonly string[] = [
  // npm, pnpm, Yarn, Bun
  'registry.npmjs.org',
  'registry.yarnpkg.com',
  'repo.yarnpkg.com',
  'npm.jsr.io',
  // pip, uv, Poetry
  'pypi.org',
  'files.pythonhosted.org',
  // Go
  'proxy.golang.org',
  'sum.golang.org',
  // Cargo
  'index.crates.io',
  'static.crates.io',
  'crates.io',
  // Bundler
  'rubygems.org',
  'index.rubygems.org',
  // Maven, Gradle
  'repo.maven.apache.org',
  'repo1.maven.org',
  'plugins.gradle.org',
  'plugins-artifacts.gradle.org',
  // NuGet
  'api.nuget.org',
  // Hex
  'repo.hex.pm',
];
