import { alike, allWordsOf, isContent } from './words.ts';

/*
 * What makes two requests different ones although their words are nearly the same: one says not, or the opposite, or turns two things around, or
 * says of one thing what the other says of another one.
 */

/** What is compared of one, read once. */
export interface Request {
  /** The words of the title that carry its meaning, in their order. */
  content: readonly string[];
  title: ReadonlySet<string>;
  body: ReadonlySet<string>;
  /** All words of the title, small ones too. */
  spoken: ReadonlySet<string>;
  /** Whether one of them turns it around, and the title without these. */
  turned: boolean;
  core: ReadonlySet<string>;
  /** What follows each of the words that relate one thing to another. */
  objects: ReadonlyMap<string, ReadonlySet<string>>;
}

const TURNS = new Set('not no never without cannot except unless none neither nor nothing out off un non'.split(' '));
const RELATIONS = new Set('to into onto from above below over under before after than inside in on for with of as via through behind by'.split(' '));
const DIRECTIONS: readonly ReadonlySet<string>[] = [new Set(['from']), new Set(['to', 'into', 'onto'])];

/** Of each line one title says one word and the other another one. */
const ALTERNATIVES = `
top bottom|left right|up down|above below|over under|before after|first last|previous next|open close|show hide|enable disable|add remove
add delete|create delete|create remove|insert delete|allow forbid|allow deny|allow block|accept reject|start stop|start end|begin end
minimum maximum|min max|old new|import export|encrypt decrypt|encode decode|light dark|ascending descending|horizontal vertical|row column
width height|read write|input output|request response|client server|frontend backend|mobile desktop|upload download|login logout|signup login
public private|increase decrease|increase reduce|grow shrink|raise lower|more less|more fewer|long short|true false|success failure|send receive
expand collapse|upgrade downgrade|undo redo|front back|sync async|inner outer|internal external|high low|wide narrow|merge split|push pull
windows linux macos|ios android|safari chrome firefox edge|json yaml xml csv toml|get post put patch delete|warning error
day week month year|hour minute second`
  .trim()
  .split(/[|\n]/)
  .map((line) => allWordsOf(line));
const OTHERS = othersOf(ALTERNATIVES);

/** Words of titles with a prefix that turns them around. */
const TURNED = /^(?:un|dis)(?=\p{L}{3})/u;
/** Of what differs in two bodies, so much is what differs in their titles. */
const EXPLAINED = 0.5;

function othersOf(lines: readonly (readonly string[])[]): ReadonlyMap<string, ReadonlySet<string>> {
  const others = new Map<string, Set<string>>();
  for (const line of lines) {
    for (const word of line) others.set(word, new Set([...(others.get(word) ?? []), ...line.filter((other) => other !== word)]));
  }
  return others;
}

export function requestOf(titleText: string, bodyWords: readonly string[]): Request {
  const words = allWordsOf(titleText);
  const content = words.filter(isContent);
  const title = new Set(content);
  return {
    content,
    title,
    body: new Set(bodyWords),
    spoken: new Set(words),
    turned: words.some((word) => TURNS.has(word)),
    core: new Set(without(title, TURNS)),
    objects: objectsOf(words),
  };
}

function without(a: ReadonlySet<string>, b: ReadonlySet<string>): string[] {
  const own: string[] = [];
  for (const word of a) if (!b.has(word)) own.push(word);
  return own;
}

function objectsOf(words: readonly string[]): Map<string, Set<string>> {
  const objects = new Map<string, Set<string>>();
  words.forEach((word, index) => {
    if (!RELATIONS.has(word)) return;
    const object = words.slice(index + 1).find((next) => isContent(next) && !RELATIONS.has(next));
    if (object !== undefined) objects.set(word, (objects.get(word) ?? new Set()).add(object));
  });
  return objects;
}

function turnedAround(a: Request, b: Request): boolean {
  return a.turned !== b.turned && alike(a.core, b.core) >= 0.6;
}

function saysOpposite({ spoken: a }: Request, { spoken: b }: Request): boolean {
  const onlyA = without(a, b);
  const onlyB = without(b, a);
  if (onlyA.length === 0 || onlyB.length === 0) return false;
  const opposes = (word: string, others: string[]) => TURNED.test(word) && others.includes(word.replace(TURNED, ''));
  return (
    onlyA.some((word) => onlyB.some((other) => OTHERS.get(word)?.has(other))) ||
    onlyA.some((word) => opposes(word, onlyB)) ||
    onlyB.some((word) => opposes(word, onlyA))
  );
}

function saysOfOther(a: Request, b: Request): boolean {
  const theirs = b.objects;
  return [...a.objects].some(([relation, mine]) => {
    const other = theirs.get(relation);
    const apart = other !== undefined && ![...mine].some((object) => other.has(object));
    if (apart && [...mine].every((object) => b.title.has(object)) && [...other].every((object) => a.title.has(object))) return true;
    const way = DIRECTIONS.findIndex((words) => words.has(relation));
    const back = way === -1 ? [] : [...(DIRECTIONS[1 - way] ?? [])];
    return other === undefined && back.some((word) => [...(theirs.get(word) ?? [])].some((object) => mine.has(object)));
  });
}

/** Two things have changed places around what is said of them. Neighbours may well stand either way. */
function changedPlaces({ content: one }: Request, { content: other }: Request): boolean {
  if (one.length !== other.length) return false;
  const places = [...one.keys()].filter((index) => one[index] !== other[index]);
  const [first = 0, last = 0] = places;
  return places.length === 2 && last - first > 1 && one[first] === other[last] && one[last] === other[first];
}

/** Each title has words of its own, and what differs in the bodies is for the most part these. */
function isSubstituted(a: Request, b: Request): boolean {
  const own = without(a.title, b.title);
  const theirs = without(b.title, a.title);
  if (own.length === 0 || theirs.length === 0) return false;
  const explained = own.filter((word) => a.body.has(word) && !b.body.has(word)).length;
  const explainedTheirs = theirs.filter((word) => b.body.has(word) && !a.body.has(word)).length;
  if (explained + explainedTheirs === 0) return false;
  let common = 0;
  for (const word of a.body) if (b.body.has(word)) common += 1;
  return explained >= (a.body.size - common) * EXPLAINED && explainedTheirs >= (b.body.size - common) * EXPLAINED;
}

/** True where the two ask for different things, however much alike they read. */
export function areContrary(a: Request, b: Request): boolean {
  return turnedAround(a, b) || saysOpposite(a, b) || saysOfOther(a, b) || changedPlaces(a, b) || isSubstituted(a, b);
}
