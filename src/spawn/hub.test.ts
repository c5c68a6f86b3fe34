import { describe, expect, it } from 'vitest';
import { repositoryAtHub, repositoryName, repositoryOf } from './hub.ts';

describe('repositoryOf', () => {
  it.each([
    'https://github.com/acme/banyan.git',
    'https://x-access-token:secret@github.com/acme/banyan',
    'git+https://github.com/acme/banyan.git',
    'git@github.com:acme/banyan.git',
    'ssh://git@github.com/acme/banyan.git',
    'github:acme/banyan',
    'acme/banyan',
    'https://github.com/acme/banyan/\n',
  ])('%s is acme/banyan', (url) => {
    expect(repositoryOf(url)).toBe('acme/banyan');
  });

  it.each([
    '',
    '../..',
    './x',
    'acme/..',
    'file:///home/me/banyan',
    '/home/me/banyan',
    'https://github.com/acme',
    'https://github.com/a/b/c',
    'C:\\work\\banyan',
  ])('%j is none', (url) => {
    expect(repositoryOf(url)).toBeNull();
  });
});

describe('repositoryAtHub', () => {
  const env = { GITHUB_API_URL: 'http://127.0.0.1:4100', GITHUB_SERVER_URL: 'https://git.acme.test' };

  it.each([
    'https://github.com/acme/banyan.git',
    'https://x-access-token:secret@github.com/acme/banyan',
    'git@github.com:acme/banyan.git',
    'ssh://git@github.com/acme/banyan.git',
    'https://git.acme.test/acme/banyan.git',
    'http://127.0.0.1:4100/acme/banyan.git',
  ])('%s is acme/banyan', (url) => {
    expect(repositoryAtHub(url, env)).toBe('acme/banyan');
  });

  it.each([
    'https://gitlab.com/acme/banyan.git',
    'git@gitlab.com:acme/banyan.git',
    'ssh://git@github.com.evil.test/acme/banyan.git',
    'https://github.com@evil.test/acme/banyan',
    'acme/banyan',
    '/home/me/banyan',
  ])('%j may be somebody else there', (url) => {
    expect(repositoryAtHub(url, env)).toBeNull();
  });
});

describe('repositoryName', () => {
  it('names the field of what is none', () => {
    expect(repositoryName('acme/banyan', '--to')).toBe('acme/banyan');
    expect(() => repositoryName('acme', '--to')).toThrow(/^--to: "acme"/);
  });
});
