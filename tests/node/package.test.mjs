// What reaches a mini program: the package, its types, the sample.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'acorn';
import { Phone, answer, member, problem, read, root } from './phone.mjs';

const folder = 'src/miniprogram/';
const sample = `${folder}sample/`;
const page = `${sample}pages/index/index`;

test('the client is ES2015 without classes, as it reaches the phone untouched or by a transform that breaks those', () => {
  const source = read(`${folder}miniprogram_dist/index.js`);

  const program = parse(source, { ecmaVersion: 2015, sourceType: 'script' });

  assert.doesNotMatch(JSON.stringify(program), /"type":"Class/);
  assert.doesNotMatch(source, /\brequire\b|console\./);
});

test('the package is one folder, needs no other, and says where its parts are', () => {
  const { version, description, ...rest } = JSON.parse(read(`${folder}package.json`));
  const cwd = fileURLToPath(new URL(folder, root));
  const [packed] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--offline'], { cwd, encoding: 'utf8' }));

  assert.deepEqual(rest, {
    name: 'wecomfunc-miniprogram',
    license: 'MIT',
    main: 'miniprogram_dist/index.js',
    types: 'miniprogram_dist/index.d.ts',
    miniprogram: 'miniprogram_dist',
    files: ['miniprogram_dist'],
  });
  assert.deepEqual(packed.files.map(({ path }) => path).sort(), [
    'LICENSE', 'README.md', 'miniprogram_dist/index.d.ts', 'miniprogram_dist/index.js', 'package.json']);
  assert.equal(read(`${folder}LICENSE`), read('LICENSE'));
});

test('what the types declare is there', () => {
  const phone = new Phone(() => member());
  const types = read(`${folder}miniprogram_dist/index.d.ts`);
  const declared = [...types.matchAll(/export declare (?:function|class) (\w+)/g)].map(([, name]) => name);
  const calls = [.../interface Client \{([\s\S]*?)\n\}/.exec(types)[1].matchAll(/^ {2}(\w+)[<(]/gm)].map(([, name]) => name);

  assert.deepEqual(declared.sort(), ['LoginError', 'createClient']);
  assert.deepEqual(calls.sort(), Object.keys(phone.client()).sort());
  for (const name of declared) assert.equal(typeof phone[name], 'function');
});

for (const name of ['README.md', 'README.zh-CN.md']) {
  const source = /```js\n([\s\S]*?)```/.exec(read(name))[1];

  test(`the lines in ${name} log in`, async () => {
    const phone = new Phone(() => member());
    const shown = [];

    phone.load(source, { wx: { ...phone.wx, showModal: box => shown.push(box) }, console: { log: (...what) => shown.push(what) } });
    await phone.settle();

    assert.deepEqual([shown.flat(), phone.posts[0].url], [['zhangsan', '张三'], 'https://login.YOUR-DOMAIN/api/login']);
  });

  test(`the lines in ${name} show what is wrong`, async () => {
    const phone = new Phone(() => problem('misconfigured'));
    const shown = [];

    phone.load(source, { wx: { ...phone.wx, showModal: box => shown.push(box) } });
    await phone.settle();

    assert.equal(shown.length, 1);
    assert.match(shown[0].content, /4bf92f3577b34da6a3ce929d0e0e4736/);
  });
}

/** The page of the sample on a phone. */
function open(service, { language = 'zh_CN', ...options } = {}) {
  const phone = new Phone(service, options);
  phone.wx.getSystemInfoSync = () => ({ language });
  let shown;
  phone.load(read(`${page}.js`), { Page: made => (shown = made) });
  shown.setData = data => Object.assign(shown.data, data);
  return [phone, shown];
}

test('the sample\'s page shows who is logged in', async () => {
  const [phone, shown] = open(() => member({ departments: [{ id: 1, name: '总部' }, { id: 2 }] }));

  shown.onLoad();
  assert.equal(shown.data.busy, true);
  await phone.settle();

  assert.deepEqual(
    [{ ...shown.data.member }, shown.data.busy, shown.data.problem], [{ name: '张三', departments: '总部, 2' }, false, '']);
});

test('the sample\'s page shows the mobile number', async () => {
  const session = { token: 'TOKEN', expiresAt: '2026-11-25T09:30:00Z', memberData: true };
  const [phone, shown] = open(({ path }) => (path === '/login' ? member({ session }) : answer(200, { data: { mobile: '13800000000' } })));
  phone.gives('getMobile', () => ({ encryptedData: 'data', iv: 'iv' }));

  shown.onLoad();
  shown.shareMobile();
  await phone.settle();

  assert.deepEqual([shown.data.mobile, shown.data.problem], ['13800000000', '']);
});

test('the sample\'s page says so where that is switched off, with or without a session', async () => {
  for (const session of [undefined, { token: 'TOKEN', expiresAt: '2026-11-25T09:30:00Z', memberData: true }]) {
    const [phone, shown] = open(({ path }) => (path === '/login' ? member({ session }) : answer(404, '')));
    phone.gives('getMobile', () => ({ encryptedData: 'data', iv: 'iv' }));

    shown.shareMobile();
    await phone.settle();

    assert.equal(shown.data.problem, '服务没有开启此功能。');
  }
});

test('the sample\'s page says in the phone\'s language what is wrong', async () => {
  const [phone, shown] = open(() => problem('internal_error'), { language: 'en' });
  shown.onLoad();
  await phone.settle();
  assert.match(shown.data.problem, /^This cannot be done\. Tell the administrator: internal_error [0-9a-f]{32}$/);

  const [, outside] = open(() => problem('internal_error'), { language: 'en', inWeCom: false });
  outside.onLoad();
  await outside.login();
  await outside.shareMobile();
  assert.equal(outside.data.problem, 'Open this in WeCom.');
});

test('the sample\'s page has what its WXML names, in both languages', () => {
  const wxml = read(`${page}.wxml`);
  const [, shown] = open(() => member());
  const { texts } = { texts: [shown.data.text] };
  const [, english] = open(() => member(), { language: 'en' });
  english.onLoad();
  texts.push(english.data.text);

  for (const [, name] of wxml.matchAll(/bindtap="(\w+)"/g)) assert.equal(typeof shown[name], 'function', name);
  for (const [, name] of wxml.matchAll(/\{\{!?(\w+)/g)) assert.ok(name in shown.data, name);
  for (const [, name] of wxml.matchAll(/\{\{text\.(\w+)/g)) for (const text of texts) assert.ok(text[name], name);
  assert.deepEqual(Object.keys(texts[0]), Object.keys(texts[1]));
});

test('the sample is whole', () => {
  for (const name of ['sitemap.json', 'project.config.json', 'package.json', 'pages/index/index.json']) JSON.parse(read(sample + name));
  for (const each of JSON.parse(read(`${sample}app.json`)).pages) {
    for (const end of ['js', 'json', 'wxml', 'wxss']) assert.ok(fs.existsSync(new URL(`${sample}${each}.${end}`, root)), `${each}.${end}`);
  }
});
