import type { DiffFile } from '../git/diff.ts';
import type { DiffLine } from '../git/diff-lines.ts';
import { readPatch } from '../git/diff-lines.ts';
import type { Piece } from './html.ts';
import { html } from './html.ts';

/** What stands below a line: the threads of a pull request. */
export type Notes = (path: string, line: DiffLine) => Piece;

const MAX_LINES = 3000;

export function renderDiff(files: DiffFile[], notes: Notes = () => null): Piece {
  return files.map((file) => {
    const name = file.previousPath === null ? file.path : `${file.previousPath} → ${file.path}`;
    const lines = file.patch === undefined ? [] : readPatch(file.patch);
    const rows = lines.slice(0, MAX_LINES).map((line) => renderLine(file.path, line, notes));
    return html`<section class="box">
      <div class="head"><strong>${name}</strong> <span class="muted">${file.status}, +${file.additions} −${file.deletions}</span></div>
      ${
        lines.length === 0
          ? html`<div class="body"><p class="muted">No text to show.</p></div>`
          : html`<table class="code">
              ${rows}
            </table>`
      }
      ${lines.length > MAX_LINES ? html`<div class="body"><p class="muted">${lines.length - MAX_LINES} more lines are not shown.</p></div>` : null}
    </section>`;
  });
}

function renderLine(path: string, line: DiffLine, notes: Notes): Piece {
  const note = notes(path, line);
  const hasNote = Array.isArray(note) ? note.length > 0 : note !== null;
  return html`<tr class="${line.kind}">
      <td class="no">${line.left}</td>
      <td class="no">${line.right}</td>
      <td>${line.text}</td>
    </tr>
    ${
      hasNote
        ? html`<tr class="note">
            <td colspan="3">${note}</td>
          </tr>`
        : null
    }`;
}
