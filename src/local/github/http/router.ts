import type { Route } from './call.ts';

interface Compiled {
  route: Route;
  pattern: RegExp;
  names: string[];
}

export interface Match {
  route: Route;
  params: Record<string, string>;
}

export interface Router {
  /** The first route in the table that fits; a path that fits with another method only is no match. */
  find(method: string, path: string): Match | undefined;
}

export function createRouter(routes: readonly Route[]): Router {
  const byMethod = new Map<string, Compiled[]>();
  for (const route of routes) {
    const list = byMethod.get(route.method) ?? [];
    byMethod.set(route.method, [...list, compile(route)]);
  }
  return {
    find(method, path) {
      for (const { route, pattern, names } of byMethod.get(method) ?? []) {
        const found = pattern.exec(path);
        if (found !== null) return { route, params: Object.fromEntries(names.map((name, index) => [name, decode(found[index + 1] ?? '')])) };
      }
      return undefined;
    },
  };
}

function compile(route: Route): Compiled {
  const names: string[] = [];
  const source = route.path.replace(/\{(\w+)(\+?)\}|[.*?^$()|[\]\\]/g, (text, name: string | undefined, rest: string) => {
    if (name === undefined) return `\\${text}`;
    names.push(name);
    return rest === '+' ? '(.+)' : '([^/]+)';
  });
  return { route, pattern: new RegExp(`^${source}/?$`), names };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
