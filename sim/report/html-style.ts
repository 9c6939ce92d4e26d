/** The looks of the HTML report, light and dark, and what it can do better where scripts run. */

export const style = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f6f7f9; --line: #d8dce2; --text: #1b1f24; --quiet: #5c6672; --link: #0b5cad;
  --good: #1a7f37; --good-page: #e3f5e8; --bad: #c1121f; --bad-page: #fde8e8;
  --odd: #9a6700; --odd-page: #fff4d6; --none: #8a939e; --none-page: #eceff2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161b; --panel: #1a2027; --line: #303843; --text: #e4e8ed; --quiet: #9aa6b2; --link: #79b8ff;
    --good: #56d364; --good-page: #12301c; --bad: #ff7b72; --bad-page: #3d1618;
    --odd: #e3b341; --odd-page: #35290d; --none: #7d8792; --none-page: #222931;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 76rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
a { color: var(--link); }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .7rem; }
h3 { font-size: 1rem; margin: 0; }
h4 { font-size: .8rem; margin: 1.1rem 0 .3rem; color: var(--quiet); text-transform: uppercase; letter-spacing: .04em; }
p { margin: .35rem 0; }
code, pre, td.code, .mono { font: 12.5px/1.45 ui-monospace, monospace; }
pre { margin: .3rem 0; padding: .7rem; overflow-x: auto; background: var(--page); border: 1px solid var(--line); border-radius: 6px; }
pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; }
th, td { padding: .3rem .65rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 600; font-size: .85rem; }
td.code { overflow-wrap: anywhere; min-width: 4.5rem; }
td.code.stage { white-space: nowrap; }
.scroll { overflow-x: auto; }
.quiet { color: var(--quiet); }
header { display: flex; gap: 1rem; align-items: center; flex-wrap: wrap; }
.badge { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; font-weight: 600; font-size: .85rem; white-space: nowrap; }
header .badge { font-size: 1.05rem; padding: .3rem 1rem; }
.holds { color: var(--good); background: var(--good-page); }
.violated { color: var(--bad); background: var(--bad-page); }
.unknown { color: var(--odd); background: var(--odd-page); }
.vacuous { color: var(--none); background: var(--none-page); }
article { margin: 1rem 0; padding: 1rem 1.2rem; background: var(--panel); border: 1px solid var(--line); border-left: 4px solid var(--bad); border-radius: 8px; }
article.open { border-left-color: var(--odd); }
article.mild { border-left-color: var(--none); }
article header { gap: .6rem; align-items: baseline; }
article header .badge { font-size: .8rem; padding: .05rem .55rem; }
.why { font-size: 1.05rem; margin: .5rem 0; }
.way { display: flex; flex-wrap: wrap; gap: .4rem .8rem; align-items: center; }
.way .stop { padding: .2rem .6rem; border: 1px solid var(--line); border-radius: 6px; background: var(--page); }
.matrix td, .matrix th { border: 1px solid var(--line); text-align: center; }
.matrix th[scope=row] { text-align: right; }
.matrix th[scope=col] { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; }
.matrix td { min-width: 3.2rem; font-size: .85rem; }
.matrix .all { background: var(--good-page); color: var(--good); }
.matrix .some { background: var(--odd-page); color: var(--odd); }
.matrix .none { color: var(--none); }
svg.picture { max-width: 100%; height: auto; display: block; }
svg.picture rect { fill: var(--panel); stroke: var(--quiet); stroke-width: 1.2; }
svg.picture .outside rect { stroke-dasharray: 5 4; }
svg.picture .router rect { stroke: var(--link); }
svg.picture text { fill: var(--text); font: 13px system-ui, sans-serif; }
svg.picture text.kind { fill: var(--quiet); font-size: 11px; }
svg.picture .wire { stroke: var(--line); stroke-width: 2; }
svg.picture .port { fill: var(--quiet); }
svg.picture .port.bad { fill: var(--bad); stroke: var(--bad); stroke-width: 3; }
details { margin: .4rem 0; }
summary { cursor: pointer; color: var(--link); }
button { font: inherit; font-size: .8rem; padding: .1rem .55rem; color: var(--link); background: var(--page); border: 1px solid var(--line); border-radius: 5px; cursor: pointer; }
.tools { margin: .6rem 0; display: none; gap: .5rem; flex-wrap: wrap; }
.scripted .tools { display: flex; }
@media print { details > * { display: block; } button, .tools { display: none !important; } }
`;

/** Buttons that copy, and that show only findings of one verdict. */
export const script = `
document.documentElement.classList.add('scripted');
for (const place of document.querySelectorAll('[data-copy]')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'copy';
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(place.textContent);
    button.textContent = 'copied';
    setTimeout(() => { button.textContent = 'copy'; }, 1500);
  });
  place.before(button);
}
for (const button of document.querySelectorAll('button[data-show]')) {
  button.addEventListener('click', () => {
    for (const article of document.querySelectorAll('article[data-property]')) {
      article.hidden = button.dataset.show !== '' && article.dataset.property !== button.dataset.show;
    }
  });
}
for (const button of document.querySelectorAll('button[data-open]')) {
  button.addEventListener('click', () => {
    const open = button.dataset.open === 'yes';
    for (const details of document.querySelectorAll('details')) details.open = open;
  });
}
`;
