import { describe, expect, it } from 'vitest';
import { isName, MAX_NAME, proposeName } from './names.ts';

describe('proposeName', () => {
  it.each([
    ['my-shop', 'my-shop'],
    ['My Shop!', 'my-shop'],
    ['  spaces  ', 'spaces'],
    ['.hidden', 'hidden'],
    ['_private', 'private'],
    ['Größe & Mehr', 'grosse-mehr'],
    ['café.ts', 'cafe-ts'],
    ['shop.api', 'shop.api'],
    ['@acme/shop', 'acme-shop'],
    ['../../etc', 'etc'],
    ['-rf', 'rf'],
    ['shop.git', 'shop-git'],
    ['banyan', 'banyan-team'],
    ['node_modules', 'node-modules-team'],
    ['favicon.ico', 'favicon-ico-team'],
    ['http', 'http-team'],
    ['CON', 'con-team'],
    ['con.txt', 'con-txt'],
    ['lpt9.shop', 'lpt9-shop'],
    ['👍 shop', 'shop'],
    ['日本 shop', 'shop'],
  ])('makes %j %j', (text, name) => {
    expect(proposeName(text)).toEqual({ name, changed: text.trim() !== name });
    expect(isName(name)).toBe(true);
  });

  it('cuts what is too long', () => {
    const { name } = proposeName('A very long name '.repeat(30));
    expect(name.length).toBeLessThanOrEqual(MAX_NAME);
    expect(isName(name)).toBe(true);
  });

  it.each(['', '   ', '!!!', '日本', '..'])('says that nothing of %j can be kept', (text) => {
    expect(() => proposeName(text)).toThrowError(expect.objectContaining({ code: 'config_invalid', data: { field: 'name' } }));
  });
});
