'use strict';
// Draws the report from the JSON beside it. Texts are only ever set as text, never as markup.

const data = JSON.parse(document.getElementById('data').textContent);

const WORDS = {
  en: {
    title: 'wxmock report', colon: ': ', stop: '. ', language: '中文', languageLabel: '切换为中文', theme: { auto: 'Theme: auto', light: 'Theme: light', dark: 'Theme: dark' },
    adapter: 'adapter', backend: 'backend', suite: 'selected', seed: 'seed', nonce: 'run nonce', version: 'wxmock', at: 'started', hash: 'adapter hash',
    PASS: 'PASS', FAIL: 'FAIL', WARN: 'WARN', INCONCLUSIVE: 'INCONCLUSIVE', INFO: 'INFO', SKIP: 'SKIP', ERROR: 'ERROR', all: 'all',
    search: 'Search cases, rules, sentences', anySuite: 'every suite', anyRule: 'every rule', byVerdict: 'Filter by verdict', cases: 'Cases', none: 'No case matches.',
        findings: 'Findings, worst first', casesOf: 'Cases that show it', symptoms: 'What follows from it', best: 'Shown by', impact: {}, exits: 'exit',
    orders: (f, n) => `${f} of ${n} ${n === 1 ? 'order' : 'orders'}`, heldOrders: n => n === 1 ? '1 order held' : `${n} orders held`,
    sequence: 'What happened', step: (i, n) => `step ${i} of ${n}`, prev: 'Previous step', next: 'Next step', slider: 'Step through the interleaving',
    phones: 'phones', phone: 'phone', back: 'backend', store: 'store', wechat: 'WeChat', key: 'key', keyInForce: 'key in force',
    before: 'before the race', race: 'the race, in the forced order', after: 'at rest', probe: 'probes: what the store opens',
    legend: 'Brackets at the right are replies that were held. A tinted row is one the finding is about. Arrow keys step; hover a row for its headers and bodies, click it to go there and keep them open.',
    crossed: '⤫ these replies overtook each other: the older key arrived last.',
    map: 'Which orders fail', mapLabel: 'Orders, in the order they were explored', order: 'order',
    state: { passed: 'passed', failed: 'failed', warned: 'warned', infeasible: 'cannot happen', unproven: 'proves nothing', not_run: 'not run' },
    noPicture: 'Its history is not in this file: a passing order keeps it only with --trace, and large runs leave some out.', choose: 'Hover or focus a square for its order; click one with a history to see it above.',
    because: 'Why this cannot be right', also: 'Also broken in this order', more: n => `and ${n} more, in run.ndjson`, repairs: 'Repairs that fit', seen: 'Seen in', again: 'Again',
    copy: 'Copy', copied: 'Copied', select: 'Selected: press Ctrl+C',
    neighbour: 'The nearest passing order', one: 'One swap of two neighbouring steps makes this case pass. That swap is the race.',
    many: n => `No passing order is a single swap away; the nearest is ${n} swaps of neighbouring steps away.`, fails: 'fails', passes: 'passes',
    notes: 'Learned about this backend', obligations: 'Contention', met: 'happened', missing: 'never happened',
    why: 'Reason',
    certificate: 'Coverage certificate', coverage: 'Coverage', whole: n => `Every order of every case that ran was executed or cannot happen (${n} cases).`, partly: (n, all) => `${n} of ${all} cases that ran are covered completely.`,
    asJson: 'The same as JSON', skipped: n => `${n} skipped.`, leftOut: n => `${n} histories were left out to keep this file small; run.ndjson has them.`,
    said: 'What was said', request: 'Request', answered: 'Answer', yet: 'The answer comes later.', noAnswer: 'No answer came.', cutOff: '✂ cut here: the rest never arrived', close: 'Close', silent: 'Nothing crossed the network in this step.', unkept: 'What was said here was not kept.', hushed: n => `Headers and bodies of ${n} further orders were left out to keep this file small; run.ndjson has them.`,
    names: 'Secrets are shown by name: <k1> is the first session_key, <c1> a login code, <t1> a session token.',
    evidence: 'How sure this is', rate: r => r.failed === r.of ? `Fails every time: ${r.failed} of ${r.of} runs of this order.` : `Fails in ${r.failed} of ${r.of} runs of this order: something beside the order decides (DET-01).`,
    twin: { passes: 'Sequential twin: the same steps one after the other pass. An ordering bug.', 'fails-too': 'Sequential twin: the same steps one after the other fail too. A logic bug, not a race.' },
    store: 'Probe sweep', shrunk: 'Made smaller from', claims: 'What is claimed of each case', suiteVersion: 'suite version', axes: 'axes', regressions: 'Failed before, played first', knownFailures: 'Known failures',
    toList: '↑ To the list', showing: (i) => `Showing order ${i}`, first: 'back to the first failing order', english: '',
    detail: { operation: 'operation', phone: 'phone', code: 'code', token: 'token', payload: 'payload', data: 'data', sealed: 'sealed', mark: 'mark', answer: 'answer', took: 'took', user: 'user id', plaintext: 'plaintext', token_hash: 'token hash', body: 'body', finding: 'finding', call: 'call', key: 'key', errcode: 'errcode', fault: 'fault', held: 'reply held, steps', delivered: 'reached the backend' },
    kind: { mint: 'the phone gets a login code', submit: 'the phone sends its login', upstream_arrived: 'the backend asks WeChat', commit: 'WeChat consumes the code and chooses the reply; the reply is held', reply: 'the reply is let go', answer: 'the backend answers the phone', apply: 'the phone stores a token', capture: 'the phone captures encrypted data', send: 'the phone asks the backend', world: 'the scenario changes the world', note: 'remark of the harness', statement: 'the backend asks its store' },
  },
  zh: {
    title: 'wxmock 报告', colon: '：', stop: '。', language: 'English', languageLabel: 'Switch to English', theme: { auto: '主题：自动', light: '主题：浅色', dark: '主题：深色' },
    adapter: 'adapter', backend: '后端', suite: '所选', seed: '种子', nonce: '运行标识', version: 'wxmock', at: '开始于', hash: 'adapter 哈希',
    PASS: '通过', FAIL: '失败', WARN: '警告', INCONCLUSIVE: '无结论', INFO: '信息', SKIP: '跳过', ERROR: '出错', all: '全部',
    search: '搜索用例、规则、说明', anySuite: '全部用例集', anyRule: '全部规则', byVerdict: '按结论筛选', cases: '用例', none: '没有符合条件的用例。',
        findings: '问题，最严重的在前', casesOf: '能看到它的用例', symptoms: '由此引起的', best: '示例', impact: { security: '安全', 'data-mix-up': '数据串号', 'lock-out': '用户被锁死', 'extra-login': '多登录一次', cost: '成本' }, exits: '退出码',
    orders: (f, n) => `${n} 种顺序中 ${f} 种失败`, heldOrders: n => `${n} 种顺序均成立`,
    sequence: '经过', step: (i, n) => `第 ${i} / ${n} 步`, prev: '上一步', next: '下一步', slider: '逐步查看交错过程',
    phones: '手机', phone: '手机', back: '后端', store: '存储', wechat: '微信', key: 'key', keyInForce: '当前 key',
    before: '并发之前', race: '并发，按强制的顺序', after: '请求全部结束后', probe: '探测：后端还能解开什么',
    legend: '右侧的括线是被扣住的回复；着色的行与该问题有关。方向键逐步查看；悬停某行可看报文，点击则跳到该步并固定报文。',
    crossed: '⤫ 这些回复没有按先后到达：旧的 key 最后才到。',
    map: '哪些顺序会失败', mapLabel: '各种顺序，按探索先后排列', order: '顺序',
    state: { passed: '通过', failed: '失败', warned: '警告', infeasible: '不可能发生', unproven: '得不出结论', not_run: '未运行' },
    noPicture: '此文件中没有它的记录：通过的顺序只有加 --trace 运行才会保留，大型运行会省略一部分。', choose: '悬停或聚焦方格可查看其顺序；点击有记录的方格可在上方查看。',
    because: '为什么这不可能是对的', also: '此顺序中还违反了', more: n => `另有 ${n} 条，见 run.ndjson`, repairs: '适用的修法', seen: '已知案例', again: '重放',
    copy: '复制', copied: '已复制', select: '已选中：请按 Ctrl+C',
    neighbour: '最近的通过顺序', one: '只需交换两个相邻步骤，此用例就会通过。这一交换就是竞态本身。',
    many: n => `没有仅差一次交换的通过顺序；最近的相差 ${n} 次相邻交换。`, fails: '失败', passes: '通过',
    notes: '对此后端的了解', obligations: '前提是否出现', met: '已发生', missing: '从未发生',
    why: '原因',
    certificate: '覆盖证明', coverage: '覆盖', whole: n => `所运行的每个用例的每一种顺序都已执行，或不可能发生（${n} 个用例）。`, partly: (n, all) => `所运行的 ${all} 个用例中有 ${n} 个完全覆盖。`,
    asJson: '同样内容的 JSON', skipped: n => `跳过 ${n} 个。`, leftOut: n => `为使文件小巧，省略了 ${n} 份记录；run.ndjson 中都有。`,
    said: '报文', request: '请求', answered: '响应', yet: '响应在后面的步骤。', noAnswer: '没有收到响应。', cutOff: '✂ 在此被截断，其余部分未到达', close: '关闭', silent: '这一步没有网络报文。', unkept: '此处的报文未保留。', hushed: n => `为使文件小巧，另有 ${n} 种顺序的报文未收录；run.ndjson 中都有。`,
    names: '敏感值以名称代替：<k1> 是第一个 session_key，<c1> 是登录 code，<t1> 是会话 token。',
    evidence: '可信度', rate: r => r.failed === r.of ? `每次都失败：此顺序运行 ${r.of} 次，失败 ${r.failed} 次。` : `此顺序运行 ${r.of} 次，失败 ${r.failed} 次：除顺序外还有别的因素在起作用（DET-01）。`,
    twin: { passes: '串行对照：同样的步骤依次执行则通过：这是顺序问题（竞态），不是逻辑错误。', 'fails-too': '串行对照：同样的步骤依次执行也失败：这是逻辑错误，不是竞态。' },
    store: '逐把试 key', shrunk: '缩减自', claims: '各用例的结论', suiteVersion: '用例集版本', axes: '维度', regressions: '曾经失败、优先重跑的顺序', knownFailures: '已知失败',
    toList: '↑ 回到列表', showing: (i) => `正在显示顺序 ${i}`, first: '回到第一个失败的顺序', english: '（以下说明为英文原文）',
    detail: { operation: '操作', phone: '手机', code: 'code', token: 'token', payload: '密文', data: '数据', sealed: '加密所用', mark: '标记', answer: '回答', took: '耗时', user: '用户 id', plaintext: '明文', token_hash: 'token 哈希', body: '正文', finding: '发现', call: '调用', key: 'key', errcode: 'errcode', fault: '故障', held: '回复被扣住，步骤', delivered: '到达后端' },
    kind: { mint: '手机取得登录 code', submit: '手机发出登录请求', upstream_arrived: '后端向微信发起调用', commit: '微信消费 code 并决定回复；回复被扣住', reply: '放行回复', answer: '后端回答手机', apply: '手机把 token 写入本地', capture: '手机取得加密数据', send: '手机向后端提问', world: '场景改变了环境', note: '测试工具的备注', statement: '后端向存储发出语句' },
  },
};
const VERDICTS = ['FAIL', 'ERROR', 'WARN', 'INCONCLUSIVE', 'INFO', 'SKIP', 'PASS'];
const OTHERS = 4;

// What the reader chose. `step` counts rows from 0; `cell` is the order shown, null for the case's own.
// `finding` is the position of the finding shown, null while a case is.
const view = { finding: null, lang: (navigator.language || '').toLowerCase().startsWith('zh') ? 'zh' : 'en', theme: 'auto', verdict: '', area: '', rule: '', search: '', path: '', cell: null, step: null, pinned: false };
const t = () => WORDS[view.lang];
const remembered = {
  get(name) { try { return localStorage.getItem('wxmock-' + name); } catch { return null; } },
  set(name, value) { try { localStorage.setItem('wxmock-' + name, value); } catch { /* a file may have no storage */ } },
};

// el('p', {class: 'dim'}, 'text', child): properties that begin with `on` are listeners.
function build(make, name, attributes, children) {
  const node = make(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return node;
}
const el = (name, attributes, ...children) => build(n => document.createElement(n), name, attributes, children);
const svg = (name, attributes, ...children) => build(n => document.createElementNS('http://www.w3.org/2000/svg', n), name, attributes, children);

const pick = (en, zh) => (view.lang === 'zh' && zh) || en;
const pickLines = (en, zh) => view.lang === 'zh' && zh && zh.length === en.length ? zh : en;
const titleOf = entry => (view.lang === 'zh' && entry.title_zh) || entry.title;
const ruleTitle = id => { const rule = data.rules[id]; return rule ? (view.lang === 'zh' && rule.title_zh) || rule.title : ''; };
const pair = ([en, zh]) => pick(en, zh);
const impactOf = name => t().impact[name] || name;
const orderCount = entry => entry.failed ? t().orders(entry.failed, entry.run) : entry.run ? t().heldOrders(entry.run) : '';

// ---- the whole page ----

const app = document.getElementById('app');

function draw() {
  document.documentElement.lang = view.lang === 'zh' ? 'zh-CN' : 'en';
  document.documentElement.dataset.theme = view.theme;
  document.title = `${t().title}${t().colon}${data.adapter}`;
  app.replaceChildren(el('div', { class: 'wrap' },
    header(), alarm(), summary(), findings(), filters(),
    el('div', { class: 'cols' }, el('nav', { class: 'card list', 'aria-label': t().cases }), el('main', { id: 'case', tabindex: '-1' })),
    backend(), certificate()));
  drawList();
  drawCase();
}

function header() {
  const themes = ['auto', 'light', 'dark'];
  return el('header', { class: 'top' },
    el('h1', {}, t().title), el('span', { class: 'dim mono' }, data.adapter), el('span', { class: 'grow' }),
    el('button', { id: 'theme', onclick: () => { view.theme = themes[(themes.indexOf(view.theme) + 1) % 3]; remembered.set('theme', view.theme); draw(); document.getElementById('theme').focus(); } }, t().theme[view.theme]),
    el('button', { id: 'language', lang: view.lang === 'zh' ? 'en' : 'zh-CN', 'aria-label': t().languageLabel, onclick: () => { view.lang = view.lang === 'zh' ? 'en' : 'zh'; remembered.set('lang', view.lang); draw(); document.getElementById('language').focus(); } }, t().language));
}

// What makes every other result doubtful comes before all of them.
function alarm() {
  const told = data.controls;
  if (!told) return null;
  const command = el('code', {}, told.command);
  return el('section', { class: 'card alarm', id: 'controls', role: 'alert' }, el('p', { class: 'verdict-line' }, pair(told.title)),
    told.lines.map(line => el('p', {}, pair(line))), el('div', { class: 'again' }, command, copyButton(command)));
}

function findings() {
  if (!data.findings.length) return null;
  return el('section', { class: 'card findings', id: 'findings' }, el('h3', {}, t().findings), el('ol', {}, data.findings.map((one, at) => el('li', {}, el('button', {
    'data-finding': at, 'aria-current': String(view.finding === at), onclick: () => chooseFinding(at, true),
  }, el('span', { class: 'head' }, el('b', {}, String(at + 1)), el('span', { class: `tag ${one.verdict}` }, t()[one.verdict]), el('span', { class: 'tag' }, impactOf(one.impact)), el('b', {}, one.rule),
    one.place && el('span', { class: 'mono dim' }, one.place), el('span', { class: 'share' }, pick(one.extent, one.extent_zh))),
  el('span', {}, titleOf(one)))))));
}

function summary() {
  const chip = (verdict, count) => el('button', {
    'aria-pressed': String(view.verdict === verdict), 'data-verdict': verdict || 'all',
    onclick: event => { view.verdict = view.verdict === verdict ? '' : verdict; for (const other of event.currentTarget.parentNode.children) other.setAttribute('aria-pressed', String((other.dataset.verdict === 'all' ? '' : other.dataset.verdict) === view.verdict)); drawList(); },
  }, el('b', {}, String(count)), el('span', { class: `tag ${verdict}` }, verdict ? t()[verdict] : t().all));
  const meta = [['backend', data.backend], ['suite', data.suite], ['seed', data.seed], ['nonce', data.nonce], ['version', data.version], ['hash', data.adapter_hash], ['at', new Date(data.at).toLocaleString(view.lang === 'zh' ? 'zh-CN' : 'en-GB')], ['exits', data.exit && `${data.exit_code}${t().colon}${pair(data.exit)}`]];
  return el('section', { class: 'card' },
    el('p', { class: 'verdict-line' }, pair(data.conclusion)),
    data.unchecked && el('p', {}, pair(data.unchecked)),
    data.share && el('p', { class: 'dim' }, pair(data.share)),
    el('div', { class: 'counts', role: 'group', 'aria-label': t().byVerdict },
      chip('', data.cases.length), VERDICTS.filter(v => data.counts[v.toLowerCase()]).map(v => chip(v, data.counts[v.toLowerCase()]))),
    el('dl', { class: 'meta' }, meta.filter(([, value]) => value).map(([name, value]) => el('div', {}, el('dt', {}, t()[name]), el('dd', {}, value)))));
}

function filters() {
  const select = (name, all, values, label) => el('select', { id: name, 'aria-label': all, onchange: event => { view[name] = event.target.value; drawList(); } },
    el('option', { value: '' }, all), values.map(value => el('option', { value, selected: view[name] === value }, label(value))));
  const areas = [...new Set(data.cases.map(entry => entry.area))].sort();
  return el('div', { class: 'filters', role: 'search' },
    el('input', { id: 'search', type: 'search', placeholder: t().search, 'aria-label': t().search, value: view.search, oninput: event => { view.search = event.target.value; drawList(); } }),
    select('area', t().anySuite, areas, value => value),
    select('rule', t().anyRule, Object.keys(data.rules), id => `${id} ${ruleTitle(id)}`));
}

function matches(entry) {
  const text = [entry.alias, entry.path, entry.title, entry.title_zh, entry.rules.join(' '), entry.reason || '', entry.reason_zh || '', entry.violations.map(v => `${v.sentence} ${v.sentence_zh || ''}`).join(' ')].join(' ').toLowerCase();
  return (!view.verdict || entry.verdict === view.verdict) && (!view.area || entry.area === view.area)
    && (!view.rule || entry.rules.includes(view.rule)) && view.search.toLowerCase().split(/\s+/).every(word => text.includes(word));
}

function drawList() {
  const items = data.cases.filter(matches).map(entry => el('li', {}, el('button', {
    'data-path': entry.path, 'aria-current': String(view.finding === null && entry.path === view.path), onclick: () => choose(entry.path, true),
  }, el('span', { class: 'head' }, el('span', { class: `tag ${entry.verdict}` }, t()[entry.verdict]), el('b', {}, entry.alias),
    el('span', { class: 'mono dim' }, entry.violations.length ? entry.violations[0].rule : ''), el('span', { class: 'share' }, entry.failed ? `${entry.failed}/${entry.run}` : entry.run || '')),
  el('span', {}, titleOf(entry)), el('span', { class: 'path mono' }, entry.path))));
  document.querySelector('.list').replaceChildren(items.length ? el('ol', {}, items) : el('p', { class: 'dim', role: 'status' }, t().none));
}

function choose(path, byHand) {
  Object.assign(view, { path, finding: null, cell: null, step: null, pinned: false });
  if (byHand) { history.replaceState(null, '', '#' + encodeURIComponent(path)); }
  chosen(byHand);
}

function chooseFinding(at, byHand) {
  Object.assign(view, { finding: at, cell: null, step: null, pinned: false });
  if (byHand) { history.replaceState(null, '', location.pathname + location.search); }
  chosen(byHand);
}

function chosen(byHand) {
  for (const button of document.querySelectorAll('.list button')) button.setAttribute('aria-current', String(view.finding === null && button.dataset.path === view.path));
  for (const button of document.querySelectorAll('#findings button')) button.setAttribute('aria-current', String(Number(button.dataset.finding) === view.finding));
  drawCase();
  if (byHand && matchMedia('(max-width: 900px)').matches) document.getElementById('case').scrollIntoView();
}

// ---- one case ----

function drawCase() {
  if (view.finding !== null) { drawFinding(data.findings[view.finding]); return; }
  const entry = data.cases.find(one => one.path === view.path);
  const main = document.getElementById('case');
  if (!entry) { main.replaceChildren(); return; }
  const cell = entry.orders.find(one => one.index === view.cell);
  const violations = cell ? cell.violations : entry.violations;
  const picture = data.pictures[cell ? cell.picture : entry.picture];
  main.replaceChildren(...[
    headline(entry, violations, cell), picture && sequence(picture), heatMap(entry),
    entry.neighbour && !cell && neighbour(entry), argument(entry, violations), !cell && evidence(entry.evidence), replay(cell ? cell.token : entry.token), remarks(entry),
  ].filter(Boolean));
}

// A finding: its picture and argument; the map and the neighbour of the case that shows it, where that is the order shown there.
function drawFinding(one) {
  const entry = data.cases.find(other => other.path === one.path);
  const picture = data.pictures[one.picture];
  const same = entry && one.token && entry.token === one.token;
  document.getElementById('case').replaceChildren(...[
    findingHeadline(one, entry), picture && sequence(picture), same && heatMap(entry), same && entry.neighbour && neighbour(entry),
    argument(one, [one.violation], one.symptoms), one.evidence && evidence(one.evidence), replay(one.token), shownBy(one),
  ].filter(Boolean));
}

function findingHeadline(one, entry) {
  return el('article', { class: 'card' },
    el('a', { class: 'back', href: '#', onclick: event => { event.preventDefault(); document.getElementById('findings').scrollIntoView(); } }, t().toList),
    el('h2', {}, titleOf(one)),
    el('div', { class: 'chips' }, el('span', { class: `tag ${one.verdict}` }, t()[one.verdict]), el('span', { class: 'tag', title: ruleTitle(one.rule) }, `${one.rule} ${one.level}`), el('span', { class: 'tag' }, impactOf(one.impact)),
      one.place && el('span', { class: 'tag' }, one.place), el('span', { class: 'tag' }, pick(one.extent, one.extent_zh))),
    el('p', { class: 'sentence' }, pick(one.violation.sentence, one.violation.sentence_zh)),
    entry && el('p', { class: 'dim' }, `${t().best}${t().colon}${entry.alias} ${titleOf(entry)} `, el('code', {}, entry.path)));
}

function shownBy(one) {
  if (!one.cases.length) return null;
  return el('section', { class: 'card', id: 'shown-by' }, el('h3', {}, t().casesOf), el('ul', { class: 'plain' }, one.cases.map(([path, alias, orders]) => el('li', {},
    el('button', { 'data-case': path, onclick: () => choose(path, true) }, el('b', {}, alias), ' ', el('span', { class: 'mono' }, path.split('/').slice(1).join('/')), orders ? el('span', { class: 'share dim' }, ` ×${orders}`) : '')))));
}

function headline(entry, violations, cell) {
  const first = violations[0];
  const covered = data.certificate.cases.find(one => one.path === entry.path);
  return el('article', { class: 'card' },
    el('a', { class: 'back', href: '#', onclick: event => { event.preventDefault(); document.querySelector('.list').scrollIntoView({ block: 'center' }); } }, t().toList),
    el('h2', {}, titleOf(entry)),
    el('code', { class: 'dim' }, entry.path),
    el('div', { class: 'chips' }, el('span', { class: `tag ${entry.verdict}` }, t()[entry.verdict]), el('span', { class: 'tag' }, entry.alias),
      first && el('span', { class: 'tag', title: ruleTitle(first.rule) }, `${first.rule} ${first.level}`), first && el('span', { class: 'tag' }, impactOf(entry.impact)),
      orderCount(entry) && el('span', { class: 'tag' }, orderCount(entry))),
    first && el('p', { class: 'dim' }, `${first.rule}${t().colon}${ruleTitle(first.rule)}`),
    first && el('p', { class: 'sentence' }, pick(first.sentence, first.sentence_zh)),
    entry.reason && el('p', {}, el('b', {}, t().why + t().colon), pick(entry.reason, entry.reason_zh)),
    entry.run > 0 && covered && el('p', { class: 'dim' }, `${t().coverage}${t().colon}${pick(covered.claim, covered.claim_zh)}`),
    cell && el('p', {}, t().showing(cell.index), ' ', el('code', {}, cell.order), ' ', el('button', { onclick: () => { view.cell = null; view.step = null; drawCase(); } }, t().first)));
}

function argument(entry, violations, symptoms = []) {
  const [first, ...others] = violations;
  if (!first) return null;
  const rule = data.rules[first.rule];
  return el('section', { class: 'card' },
    view.lang === 'zh' && !first.sentence_zh && el('p', { class: 'dim' }, t().english),
    first.because.length > 0 && [el('h3', {}, t().because), el('ul', { class: 'contradiction' }, pickLines(first.because, first.because_zh).map(line => el('li', {}, line)))],
    others.length > 0 && [el('h3', {}, t().also), el('ul', {}, others.slice(0, OTHERS).map(v => el('li', {}, el('b', {}, `${v.rule} ${v.level}`), ' ', pick(v.sentence, v.sentence_zh))),
      others.length > OTHERS && el('li', {}, t().more(others.length - OTHERS)))],
    symptoms.length > 0 && [el('h3', {}, t().symptoms), el('ul', {}, symptoms.map(id => el('li', {}, el('b', {}, id), ` ${ruleTitle(id)}`)))],
    entry.repairs.length > 0 && [el('h3', {}, t().repairs), el('ul', {}, pickLines(entry.repairs, entry.repairs_zh).map(line => el('li', {}, line)))],
    rule && el('p', { class: 'dim' }, `${t().seen}${t().colon}${rule.source}`));
}

function evidence(known) {
  const lines = [known.rate && t().rate(known.rate), known.twin && t().twin[known.twin],
    ...pickLines(known.store || [], known.store_zh).map(line => `${t().store}${t().colon}${line}`),
    known.shrunk_from && [`${t().shrunk} `, el('code', {}, known.shrunk_from)]].filter(Boolean);
  return lines.length ? el('section', { class: 'card', id: 'evidence' }, el('h3', {}, t().evidence), el('ul', {}, lines.map(line => el('li', {}, line)))) : null;
}

function adapterFile() {
  const file = data.adapter_file;
  if (!file) return '';
  return ` --adapter ${/^[\w.\/][\w.\/-]*$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`}`;
}

function replay(token) {
  if (!token) return null;
  const code = el('code', {}, `wxmock replay '${token}'${adapterFile()}`);
  return el('section', { class: 'card' }, el('h3', {}, t().again), el('div', { class: 'again' }, code, copyButton(code)));
}

function copyButton(source) {
  const button = el('button', { class: 'copy', 'aria-live': 'polite', onclick: async () => {
    try { await navigator.clipboard.writeText(source.textContent); button.textContent = t().copied; } catch {
      const range = document.createRange(); range.selectNodeContents(source);
      const selection = getSelection(); selection.removeAllRanges(); selection.addRange(range);
      button.textContent = document.execCommand('copy') ? t().copied : t().select;
    }
  } }, t().copy);
  return button;
}

function remarks(entry) {
  if (!entry.notes.length && !entry.met.length && !entry.missing.length) return null;
  return el('section', { class: 'card' },
    entry.notes.length > 0 && [el('h3', {}, t().notes), el('ul', {}, pickLines(entry.notes, entry.notes_zh).map(line => el('li', {}, line)))],
    (entry.met.length || entry.missing.length) > 0 && [el('h3', {}, t().obligations), el('ul', {},
      entry.met.map(name => el('li', {}, `✓ ${name}${t().colon}${t().met}`)), entry.missing.map(name => el('li', {}, `✗ ${name}${t().colon}${t().missing}`)))]);
}

// ---- the sequence ----

const ROW = 34;
const columns = text => [...text].reduce((sum, c) => sum + (/[⺀-鿿가-힯豈-﫿＀-｠]/u.test(c) ? 2 : 1), 0);
function clip(text, room) {
  if (columns(text) <= room) return text;
  let kept = '';
  for (const c of text) { if (columns(kept + c) > room - 1) break; kept += c; }
  return kept + '…';
}

// Where the columns are: wide pages give phones and WeChat room, narrow ones keep everything readable.
function layout(picture, width) {
  const narrow = width < 560;
  const lane = narrow ? 7 : 13;
  const key = width - (narrow ? 18 : 34);
  const lanes = key - (narrow ? 18 : 40) - lane * Math.max(picture.lanes, 1);
  const phone = narrow ? 42 : 92;
  const wechat = lanes - (narrow ? 6 : 14);
  return { width, narrow, lane, lanes, key, font: narrow ? 10 : 12.5, glyph: narrow ? 6.05 : 7.55, place: { phone, backend: phone + (wechat - phone) * (narrow ? .52 : .5), wechat, ...(picture.store ? { store: phone + (wechat - phone) * .72 } : {}) } };
}

function sequence(picture) {
  const count = picture.rows.length;
  if (!count) return null;
  // Begin where the finding is complete: what follows it is only the aftermath.
  if (view.step === null || view.step >= count) view.step = picture.rows.findLastIndex(row => row.pointed);
  if (view.step < 0) view.step = count - 1;
  const now = el('div', { class: 'now', id: 'now', role: 'status', 'aria-live': 'polite' });
  const frame = el('div', { class: 'picture' });
  const dock = wire(picture);
  const output = el('output', { id: 'position' });
  const slider = el('input', { type: 'range', id: 'slider', min: '1', max: String(count), value: String(view.step + 1), 'aria-label': t().slider, oninput: event => go(Number(event.target.value) - 1) });
  const prev = el('button', { id: 'prev', 'aria-label': t().prev, title: t().prev, onclick: () => go(view.step - 1) }, '◀');
  const next = el('button', { id: 'next', 'aria-label': t().next, title: t().next, onclick: () => go(view.step + 1) }, '▶');
  let groups = [];
  const tell = index => now.replaceChildren(...telling(picture, picture.rows[index]));
  const look = (index, pin) => { tell(index); dock.show(picture.rows[index], groups[index], pin); };
  function go(step, focus) {
    view.step = Math.min(Math.max(step, 0), count - 1);
    slider.value = String(view.step + 1);
    slider.setAttribute('aria-valuetext', `${t().step(view.step + 1, count)}: ${picture.rows[view.step].text}`);
    output.textContent = t().step(view.step + 1, count);
    prev.disabled = view.step === 0;
    next.disabled = view.step === count - 1;
    groups.forEach((group, index) => {
      group.classList.toggle('current', index === view.step);
      group.classList.toggle('future', index > view.step);
      group.setAttribute('tabindex', index === view.step ? '0' : '-1');
    });
    tell(view.step);
    if (focus) groups[view.step].focus();
    if (view.pinned) look(view.step, false);
  }
  function paint() {
    const place = layout(picture, Math.max(frame.clientWidth, 320));
    const drawn = paintSequence(picture, place, { pick: index => { go(index, true); look(index, true); }, look: index => look(index, false), leave: () => { if (view.pinned) look(view.step, false); else { tell(view.step); dock.leave(); } } });
    groups = drawn.groups;
    frame.replaceChildren(drawn.node);
    go(view.step);
  }
  new ResizeObserver(() => { if (frame.isConnected && Number(frame.dataset.width) !== frame.clientWidth) { frame.dataset.width = frame.clientWidth; paint(); } }).observe(frame);
  frame.addEventListener('keydown', event => {
    const to = { ArrowDown: view.step + 1, ArrowRight: view.step + 1, ArrowUp: view.step - 1, ArrowLeft: view.step - 1, Home: 0, End: count - 1 }[event.key];
    if (to !== undefined) { event.preventDefault(); go(to, true); }
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); look(view.step, true); }
    if (event.key === 'Escape') dock.close();
  });
  dock.node.addEventListener('keydown', event => { if (event.key === 'Escape') { dock.close(); groups[view.step].focus(); } });
  const crossed = picture.rows.some(row => row.closes && row.closes.crossed);
  return el('section', { class: 'card', id: 'sequence', 'aria-label': t().sequence }, el('h3', {}, t().sequence),
    el('div', { class: 'player' }, prev, slider, next, output), now, frame, dock.node,
    el('p', { class: 'legend' }, crossed && el('b', {}, t().crossed + ' '), picture.caption && el('b', {}, pick(picture.caption, picture.caption_zh) + t().stop), t().legend));
}

// The headers and bodies of the step looked at. On wide pages they lie over the list, beside their row, as long as it is
// hovered or focused; on narrow ones they are a sheet at the foot. A click or Enter pins them until they are closed.
function wire(picture) {
  const body = el('div', { class: 'wire-body', role: 'region', tabindex: '0', 'aria-label': t().said });
  const shut = el('button', { class: 'shut', 'aria-label': t().close, title: t().close, onclick: () => close() }, '✕');
  const node = el('section', { class: 'wire', id: 'wire', hidden: true }, el('h3', {}, t().said), shut, body);
  const exchanges = picture.exchanges || [];
  const wide = () => !matchMedia('(max-width: 900px)').matches;
  let leaving = 0;
  const stay = () => clearTimeout(leaving);
  const close = () => { stay(); view.pinned = false; node.hidden = true; };
  const leave = () => { stay(); leaving = setTimeout(() => { node.hidden = !view.pinned; }, 250); };
  for (const event of ['mouseenter', 'focusin']) node.addEventListener(event, stay);
  for (const event of ['mouseleave', 'focusout']) node.addEventListener(event, leave);
  function show(row, group, pin) {
    if (!exchanges.length) return;
    stay();
    view.pinned = view.pinned || pin;
    node.hidden = !view.pinned && !wide();
    body.replaceChildren(...(row.said && row.said.length ? row.said.map(([at, side]) => exchange(exchanges[at], side)) : [el('p', { class: 'dim' }, ['submit', 'send', 'answer', 'upstream_arrived', 'commit', 'reply'].includes(row.kind) ? t().unkept : t().silent)]), el('p', { class: 'dim' }, t().names));
    if (!node.hidden) place(group);
  }
  function place(group) {
    const list = document.querySelector('.list').getBoundingClientRect();
    const at = group.getBoundingClientRect();
    const top = Math.max(8, Math.min(at.top - 60, innerHeight - node.offsetHeight - 8));
    Object.assign(node.style, wide() ? { left: `${list.left}px`, width: `${list.width}px`, top: `${top}px` } : { left: '', width: '', top: '' });
    if (wide() || !view.pinned) return;
    const under = at.bottom - node.getBoundingClientRect().top;
    if (under > -6) scrollBy(0, under + 6);
  }
  return { node, show, leave, close };
}

const HTTP = message => message.headers.map(([name, value]) => el('div', {}, el('span', { class: 'dim' }, `${name}: `), value));
function exchange(said, side) {
  const who = `${said.phone || t()[said.from === 'backend' ? 'back' : 'phone']} → ${t()[said.to === 'backend' ? 'back' : 'wechat']}`;
  const spoken = (title, first, message, end) => el('div', {}, el('h4', {}, title), el('div', { class: 'http' }, el('b', {}, first), HTTP(message), message.body && el('div', { class: 'body' }, message.body), end && el('div', { class: 'bad' }, end)));
  const whole = side === 'whole';
  const took = whole && said.took_us !== null ? ` · ${(said.took_us / 1000).toFixed(1)} ms` : '';
  return el('article', {}, el('p', { class: 'mono' }, el('b', {}, who), ` ${said.origin}${took}`), el('div', { class: 'pair' },
    spoken(t().request, `${said.method} ${said.target} HTTP/${said.http}`, said.request),
    !whole ? el('div', {}, el('h4', {}, t().answered), el('p', { class: 'dim' }, said.status === null ? t().noAnswer : t().yet))
      : said.status === null ? spoken(t().answered, '', said.response, t().noAnswer)
        : spoken(t().answered, `HTTP/${said.http} ${said.status}`, said.response, said.cut && t().cutOff)));
}

function telling(picture, row) {
  const name = row.name ? ` · ${row.name}` : '';
  const who = row.phone !== undefined ? ` · ${t().phone} ${picture.phones[row.phone]}` : '';
  // Bodies are shown whole beside the row.
  const facts = (row.detail || []).filter(([what]) => what !== 'body' || !row.said);
  return [
    el('div', { class: 'dim' }, `${row.label}${name}${who} · ${t()[row.phase]} · ${t().kind[row.kind]}`),
    el('strong', {}, row.text),
    el('dl', {}, facts.map(([what, value]) => el('div', { class: what === 'body' || what === 'finding' ? 'wide' : null }, el('dt', {}, t().detail[what] || what), el('dd', {}, value))),
      row.key && el('div', {}, el('dt', {}, t().keyInForce), el('dd', {}, row.key))),
  ];
}

function paintSequence(picture, place, act) {
  const groups = [];
  const parts = [];
  let y = 34;
  let phase = null;
  const phases = new Set(picture.rows.map(row => row.phase)).size > 1;
  for (const [index, row] of picture.rows.entries()) {
    if (phases && phase !== row.phase) {
      phase = row.phase;
      parts.push(svg('g', {}, holds(row.held, place, y, ROW), label(4, y + 20, `╌ ${t()[phase]}`, 'dim halo', place)));
      y += ROW;
    }
    const group = paintRow(row, place, y);
    group.setAttribute('data-row', index);
    group.addEventListener('click', () => act.pick(index));
    for (const event of ['mouseenter', 'focus']) group.addEventListener(event, () => act.look(index));
    for (const event of ['mouseleave', 'blur']) group.addEventListener(event, act.leave);
    groups.push(group);
    parts.push(group);
    y += ROW;
  }
  const heads = [[place.place.phone, t().phones], [place.place.backend, t().back], [place.place.wechat, t().wechat], [place.key, t().key], ...(place.place.store ? [[place.place.store, t().store]] : [])];
  const lines = Object.values(place.place).map(x => svg('path', { class: 'life', d: `M${x} 28V${y}` }));
  const node = svg('svg', { viewBox: `0 0 ${place.width} ${y + 6}`, 'font-size': place.font, role: 'group', 'aria-label': t().sequence },
    heads.map(([x, name]) => svg('text', { x, y: 16, 'text-anchor': 'middle', class: 'dim' }, name)), lines, parts);
  return { node, groups };
}

const label = (x, y, text, kind, place, anchor) => svg('text', { x, y, class: kind, 'text-anchor': anchor || 'start', 'font-size': place.font }, text);
const edge = (d, crossed) => svg('path', { d, class: crossed ? 'crossed' : 'edge' });
const holds = (held, place, y, height) => (held || []).map(lane => edge(`M${place.lanes + place.lane * lane.lane} ${y}v${height}`, lane.crossed));

function paintRow(row, place, y) {
  const middle = y + 23;
  const group = svg('g', { class: row.pointed ? 'row pointed' : 'row', role: 'button', 'aria-label': `${row.label} ${row.text}` },
    svg('rect', { class: 'bg', x: 1, y: y + 1, width: place.width - 2, height: ROW - 2, rx: 4 }),
    label(place.narrow ? 16 : 24, middle, row.label, 'dim', place, 'end'));
  if (!place.narrow && row.name) group.append(label(32, middle, row.name, 'dim', place));
  group.append(...holds(row.held, place, y, ROW));
  if (!row.arrows.length) group.append(label(place.place.phone + 6, middle, clip(row.text, (place.lanes - place.place.phone) / place.glyph), 'key halo', place));
  for (const arrow of row.arrows) group.append(...paintArrow(arrow, place, middle));
  for (const [lane, d] of [[row.opens, x => `M${place.place.wechat} ${middle}H${x}V${y + ROW}`], [row.closes, x => `M${x} ${y}V${middle}H${place.place.wechat}`]]) {
    if (lane) group.append(edge(d(place.lanes + place.lane * lane.lane), lane.crossed));
  }
  if (row.closes && row.closes.crossed) group.append(label(place.key - (place.narrow ? 14 : 22), middle, '⤫', 'bad halo', place, 'end'));
  if (row.key) group.append(label(place.key, middle, row.key, row.key_changed ? 'key' : 'dim', place, 'middle'));
  return group;
}

function paintArrow(arrow, place, y) {
  const from = place.place[arrow.from];
  const to = place.place[arrow.to];
  const way = Math.sign(to - from);
  const head = (at, towards) => edge(`M${at - 6 * towards} ${y - 4}L${at} ${y}L${at - 6 * towards} ${y + 4}`, arrow.crossed);
  const parts = [edge(`M${from} ${y}H${to}`, arrow.crossed)];
  parts.push(arrow.lost ? edge(`M${to - way * 8 - 4} ${y - 4}l8 8m0 -8l-8 8`, true) : head(to, way));
  if (arrow.both) parts.push(head(from, -way));
  const room = Math.abs((arrow.to === 'store' ? place.lanes : to) - from) / place.glyph - 1.5;
  const tone = arrow.crossed ? 'bad' : arrow.tone;
  // Narrow columns have no room to say what is asked of WeChat at login; what it answers matters more.
  const words = pick(arrow.text, arrow.text_zh);
  parts.push(label(Math.min(from, to) + 7, y - 5, clip(place.narrow ? words.replace('code2session ', '') : words, room), `${tone} halo`, place));
  return parts;
}

// ---- which orders fail ----

const MARKS = { passed: '', failed: '✕', warned: '!', infeasible: '–', unproven: '?', not_run: '·' };

function heatMap(entry) {
  if (entry.orders.length < 2) return null;
  const note = el('p', { class: 'map-note', id: 'map-note', 'aria-live': 'polite' });
  const rest = () => { note.textContent = t().choose; };
  const words = cell => `${t().order} ${cell.index}${cell.order ? ' ' + cell.order : ''}${t().colon}${t().state[cell.state]}`;
  const shown = view.cell === null ? entry.shown : view.cell;
  const cells = entry.orders.map((cell, at) => {
    const has = cell.picture !== undefined;
    const tell = () => { note.textContent = words(cell) + (has || cell.state === 'infeasible' || cell.state === 'not_run' ? '' : t().stop + t().noPicture); };
    return el('button', { class: `square ${cell.state}`, 'data-order': cell.index, 'aria-label': words(cell), 'aria-disabled': String(!has), 'aria-pressed': has ? String(cell.index === shown) : null,
      tabindex: at === Math.max(entry.orders.findIndex(one => one.index === shown), 0) ? '0' : '-1', onmouseenter: tell, onfocus: tell, onmouseleave: rest,
      onclick: () => { if (!has) return; Object.assign(view, { path: entry.path, finding: null, cell: cell.index === entry.shown ? null : cell.index, step: null }); chosen(false); document.querySelector(`[data-order="${cell.index}"]`).focus({ preventScroll: true }); } }, MARKS[cell.state]);
  });
  const map = el('div', { class: 'map', role: 'group', 'aria-label': t().mapLabel, onkeydown: event => {
    const at = cells.indexOf(document.activeElement);
    const perRow = cells.filter(cell => cell.offsetTop === cells[0].offsetTop).length;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + perRow, ArrowUp: at - perRow, Home: 0, End: cells.length - 1 }[event.key];
    if (at < 0 || to === undefined || !cells[to]) return;
    event.preventDefault();
    cells[at].setAttribute('tabindex', '-1'); cells[to].setAttribute('tabindex', '0'); cells[to].focus();
  } }, cells);
  rest();
  const states = [...new Set(entry.orders.map(cell => cell.state))];
  return el('section', { class: 'card', id: 'orders' }, el('h3', {}, t().map), map,
    el('p', { class: 'legend keys' }, states.map(state => el('span', {}, el('span', { class: `square ${state}`, 'aria-hidden': 'true' }, MARKS[state]), ` ${t().state[state]}${t().colon}${entry.orders.filter(cell => cell.state === state).length}`))), note);
}

function neighbour(entry) {
  const near = entry.neighbour;
  const picture = data.pictures[entry.picture];
  const beside = data.pictures[entry.beside];
  const told = (rows, name) => { const row = rows && rows.find(one => one.name === name); return row ? row.text : ''; };
  // A passing order without a history of its own: say what each step does, not what came of it in the failing one.
  const asked = name => told(beside && beside.rows, name) || told(picture && picture.rows, name).split(/ is answered|: /)[0];
  const moved = new Set(near.pairs.flat());
  // What it comes to: the answer the finding is about, and the answer to the same question here.
  const answer = (rows, wanted) => rows && rows.find(row => row.kind === 'answer' && wanted(row));
  const bad = answer(picture && picture.rows, row => row.pointed && row.phase === 'after');
  const good = bad && answer(beside && beside.rows, row => row.phase === 'after' && row.text.split(':')[0] === bad.text.split(':')[0]);
  const column = (kind, title, names, text, end) => el('div', { class: `col ${kind}` }, el('h3', {}, title),
    el('ol', {}, names.map(name => el('li', { class: moved.has(name) ? 'moved' : null }, el('b', {}, name), el('span', {}, text(name)))),
      good && el('li', {}, el('b', {}, kind === 'ok' ? '✓' : '✕'), el('span', {}, end.text))));
  return el('section', { class: 'card', id: 'neighbour' }, el('h3', {}, t().neighbour),
    el('p', {}, near.swaps === 1 ? t().one : t().many(near.swaps)),
    el('div', { class: 'pair' }, column('no', `${t().order} ${entry.shown || near.failing.join('.')}${t().colon}${t().fails}`, near.failing, name => told(picture && picture.rows, name), bad), column('ok', `${t().order} ${near.index || near.passing.join('.')}${t().colon}${t().passes}`, near.passing, asked, good)));
}

// ---- what is known of the backend beside its cases ----

function backend() {
  const again = data.regressions.map(one => el('li', {}, el('span', { class: `tag ${one.outcome === 'FIXED' ? 'PASS' : one.outcome === 'STILL FAILS' ? 'FAIL' : 'WARN'}` }, one.outcome), ` ${pick(one.sentence, one.sentence_zh).replace(one.outcome, '').replace(/^[：:， ]+/, '')} `, el('code', { class: 'dim' }, one.file), pickLines(one.changed, one.changed_zh).map(line => el('div', { class: 'dim' }, line))));
  const learned = data.learned.map(([en, zh]) => el('li', {}, pick(en, zh)));
  const known = (data.known || []).map(([en, zh]) => el('li', {}, pick(en, zh)));
  if (!again.length && !learned.length && !known.length) return null;
  return el('section', { class: 'card', id: 'backend' }, known.length > 0 && [el('h3', {}, t().knownFailures), el('ul', {}, known)], learned.length > 0 && [el('h3', {}, t().notes), el('ul', {}, learned)],
    again.length > 0 && [el('h3', {}, t().regressions), el('ul', {}, again)]);
}

// ---- the certificate ----

function certificate() {
  const c = data.certificate;
  const whole = c.cases.filter(one => one.complete).length;
  const json = el('pre', { id: 'certificate-json' }, JSON.stringify(c, null, 2));
  const names = [...new Set(c.cases.flatMap(one => Object.keys(one.axes)))];
  const axes = names.map(name => `${name} ${[...new Set(c.cases.map(one => one.axes[name]).filter(Boolean))].sort().join('|')}`).map(text => clip(text, 60)).join(' · ');
  const meta = [['adapter', c.adapter], ['hash', c.adapter_hash], ['suite', c.suite], ['suiteVersion', c.suite_version], ['seed', c.seed], ['axes', axes]];
  return el('section', { class: 'card certificate', id: 'certificate' }, el('h3', {}, t().certificate),
    el('p', {}, whole === c.cases.length && c.complete ? t().whole(whole) : t().partly(whole, c.cases.length), c.skipped ? ` ${t().skipped(c.skipped)}` : ''),
    el('dl', { class: 'meta' }, meta.filter(([, value]) => value).map(([name, value]) => el('div', {}, el('dt', {}, t()[name]), el('dd', {}, value)))),
    [[data.left_out, t().leftOut], [data.hushed, t().hushed]].map(([n, words]) => n > 0 && el('p', { class: 'dim' }, words(n))),
    el('details', {}, el('summary', {}, t().claims), el('table', { class: 'cover' }, el('tbody', {}, c.cases.map(one => el('tr', {}, el('td', { class: 'mono' }, one.path), el('td', {}, el('span', { class: `tag ${one.verdict}` }, t()[one.verdict])), el('td', {}, pick(one.claim, one.claim_zh))))))),
    el('details', {}, el('summary', {}, t().asJson), copyButton(json), json));
}

// ---- begin ----

view.lang = remembered.get('lang') === 'zh' || remembered.get('lang') === 'en' ? remembered.get('lang') : view.lang;
view.theme = ['auto', 'light', 'dark'].includes(remembered.get('theme')) ? remembered.get('theme') : 'auto';
function fromAddress() {
  let asked = '';
  try { asked = decodeURIComponent(location.hash.slice(1)); } catch { /* not one of ours */ }
  return data.cases.some(entry => entry.path === asked) ? asked : '';
}
const widest = [...data.cases].sort((a, b) => b.run - a.run)[0];
const worst = data.cases[0] && data.cases[0].verdict !== 'PASS' ? data.cases[0] : widest;
view.path = fromAddress() || (worst || {}).path || '';
view.finding = !fromAddress() && data.findings.length ? 0 : null;
addEventListener('hashchange', () => { const path = fromAddress(); if (path) choose(path, false); });
draw();
// The list scrolls by itself; show the case that is open.
const list = document.querySelector('.list');
const open = list.querySelector('[aria-current=true]');
if (open) list.scrollTop += open.getBoundingClientRect().top - list.getBoundingClientRect().top - 8;
