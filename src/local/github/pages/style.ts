export const CSS = `
:root { color-scheme: light dark; --fg: #1f2328; --muted: #59636e; --bg: #fff; --soft: #f6f8fa; --line: #d1d9e0; --link: #0969da; --go: #1f883d; --add: #dafbe1; --del: #ffebe9; --hunk: #ddf4ff; --open: #1a7f37; --done: #8250df; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --fg: #e6edf3; --muted: #9198a1; --bg: #0d1117; --soft: #151b23; --line: #3d444d; --link: #4493f8; --go: #238636; --add: #12261e; --del: #2a1519; --hunk: #121d2f; --open: #3fb950; --done: #ab7df8; --bad: #f85149; } }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: var(--fg); background: var(--bg); }
a { color: var(--link); text-decoration: none; } a:hover, a:focus { text-decoration: underline; }
header.top { display: flex; flex-wrap: wrap; gap: 1rem; align-items: center; padding: .6rem 1.2rem; background: var(--soft); border-bottom: 1px solid var(--line); }
header.top form { margin-left: auto; display: flex; gap: .4rem; align-items: center; }
main { max-width: 68rem; margin: 0 auto; padding: 1.2rem; }
nav.tabs { display: flex; flex-wrap: wrap; gap: .3rem; border-bottom: 1px solid var(--line); margin-bottom: 1rem; }
nav.tabs a { padding: .4rem .8rem; color: var(--fg); } nav.tabs a[aria-current] { border-bottom: 2px solid var(--link); font-weight: 600; }
h1 { font-size: 1.5rem; margin: .4rem 0; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin: 1.4rem 0 .5rem; }
.muted { color: var(--muted); font-size: .9em; }
.box { border: 1px solid var(--line); border-radius: 6px; margin: .8rem 0; overflow: hidden; }
.box > .head { background: var(--soft); padding: .4rem .8rem; border-bottom: 1px solid var(--line); display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.box > .body { padding: .2rem .8rem; overflow-wrap: anywhere; overflow-x: auto; }
ul.rows { list-style: none; margin: 0; padding: 0; } ul.rows > li { padding: .5rem .8rem; border-top: 1px solid var(--line); } ul.rows > li:first-child { border-top: 0; }
.event { margin: .5rem 0 .5rem 1rem; color: var(--muted); font-size: .9em; }
.state { display: inline-block; border-radius: 1rem; padding: .1rem .7rem; color: #fff; font-size: .85em; background: var(--open); } .state.closed, .state.failure { background: var(--bad); } .state.merged, .state.completed { background: var(--done); } .state.draft, .state.pending { background: var(--muted); }
.label { display: inline-block; border-radius: 1rem; padding: 0 .6rem; font-size: .8em; border: 1px solid var(--line); margin-right: .2rem; }
.label::before { content: ''; display: inline-block; width: .7em; height: .7em; border-radius: 50%; background: var(--label); margin-right: .35em; border: 1px solid var(--line); }
button, input, select, textarea { font: inherit; color: inherit; background: var(--bg); border: 1px solid var(--line); border-radius: 6px; padding: .3rem .7rem; }
button { cursor: pointer; background: var(--soft); } button.go { background: var(--go); color: #fff; border-color: transparent; }
textarea, input.wide { width: 100%; } textarea { min-height: 7rem; } label { display: block; margin: .5rem 0 .2rem; }
form.inline { display: inline-flex; gap: .3rem; flex-wrap: wrap; align-items: center; margin: .1rem 0; }
pre { background: var(--soft); padding: .7rem; overflow-x: auto; border-radius: 6px; } code { font: .88em ui-monospace, monospace; } p code, li code { background: var(--soft); padding: .1em .3em; border-radius: 4px; }
pre:has(> code.language-suggestion) { border-left: 4px solid var(--go); } pre:has(> code.language-suggestion)::before { content: 'Suggested change'; display: block; font-weight: 600; margin-bottom: .4rem; }
table.code { border-collapse: collapse; width: 100%; font: .85em/1.45 ui-monospace, monospace; } table.code td { padding: 0 .5rem; vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere; } table.code td.no { color: var(--muted); text-align: right; width: 1%; white-space: nowrap; user-select: none; }
tr.add { background: var(--add); } tr.delete { background: var(--del); } tr.hunk { background: var(--hunk); color: var(--muted); }
table.code tr.note > td { white-space: normal; font: 15px/1.5 system-ui, sans-serif; padding: .3rem 1rem; background: var(--bg); }
.body table { border-collapse: collapse; } .body th, .body td { border: 1px solid var(--line); padding: .2rem .6rem; } .body table.code td { border: 0; }
.body img { max-width: 100%; } .grid { display: grid; grid-template-columns: minmax(0, 1fr) 15rem; gap: 1.5rem; } @media (max-width: 50rem) { .grid { grid-template-columns: 1fr; } }
.error { border-left: 4px solid var(--bad); padding: .5rem 1rem; background: var(--soft); }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; }
`;
