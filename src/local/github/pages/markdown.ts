import { Marked } from 'marked';
import sanitize from 'sanitize-html';
import { Html } from './html.ts';

const TAGS = [
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'p',
  'br',
  'hr',
  'blockquote',
  'pre',
  'code',
  'em',
  'strong',
  'del',
  'ins',
  'sub',
  'sup',
  'kbd',
  'a',
  'img',
  'ul',
  'ol',
  'li',
  'input',
  'table',
  'thead',
  'tbody',
  'tr',
  'th',
  'td',
  'details',
  'summary',
  'div',
  'span',
  'picture',
  'source',
];

/** Markdown of strangers as HTML: parsed like GitHub's, then cut down to tags that cannot act. Comments vanish. */
export function renderMarkdown(text: string, repositoryPath: string): Html {
  const linked = linkReferences(text.replace(/<!--[\s\S]*?(-->|$)/g, ''), repositoryPath);
  const parsed = new Marked({ gfm: true, breaks: true, async: false }).parse(linked) as string;
  return new Html(
    sanitize(parsed, {
      allowedTags: TAGS,
      allowedAttributes: {
        a: ['href', 'title', 'rel'],
        img: ['src', 'alt', 'title', 'width', 'height'],
        input: ['type', 'checked', 'disabled'],
        code: ['class'],
        th: ['align'],
        td: ['align'],
        ol: ['start'],
        details: ['open'],
      },
      allowedClasses: { code: ['language-*'] },
      allowedSchemes: ['http', 'https', 'mailto'],
      transformTags: {
        a: sanitize.simpleTransform('a', { rel: 'nofollow noopener' }),
        // Only the boxes of task lists, never a field.
        input: (_tag, attributes) => ({
          tagName: 'input',
          attribs: { type: 'checkbox', disabled: '', ...('checked' in attributes ? { checked: '' } : {}) },
        }),
      },
    }),
  );
}

/** `#12` becomes a link, outside code. */
function linkReferences(text: string, repositoryPath: string): string {
  return text
    .split(/(```[\s\S]*?(?:```|$)|`[^`\n]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replace(/(^|[\s(])#(\d{1,9})\b/g, `$1[#$2](${repositoryPath}/issues/$2)`)))
    .join('');
}
