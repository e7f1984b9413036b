// One login of the client: what it posts, and what it does about each problem.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Phone, answer, inOrder, lost, member, plain, problem, problemsOf, read, silence } from './phone.mjs';

const html = '<html><body>Service Unavailable</body></html>';
const fail = (message = 'qy__login:fail', more = {}) => Object.assign(new Error(message), more);

/** What wx.qy.login gives, what the service answers, and what comes of it: codes that were posted, seconds that were waited. */
const tries = {
  'it works': [['A'], [member()], ['in', 'zhangsan', 'A', '']],
  'an empty code': [['', 'B'], [member()], ['in', 'zhangsan', 'B', '1']],
  'no code at all': [[null, 'B'], [member()], ['in', 'zhangsan', 'B', '1']],
  'an empty code twice': [['', ''], [], ['out', 'no_code', '', '1']],
  'a login that fails': [[fail(), 'B'], [member()], ['in', 'zhangsan', 'B', '1']],
  'a login that fails twice': [[fail(), fail()], [], ['out', 'no_code', '', '1']],
  'a login that does not answer': [[silence, 'B'], [member()], ['in', 'zhangsan', 'B', '20,1']],
  'a lost connection': [['A', 'B'], [lost(), member()], ['in', 'zhangsan', 'A,B', '1']],
  'two lost connections': [['A', 'B'], [lost(), lost()], ['out', 'unreachable', 'A,B', '1']],
  'an empty code and a lost connection': [['', 'B'], [lost()], ['out', 'unreachable', 'B', '1']],
  'a while in the background': [['A', 'B'], [lost('request:fail interrupted', 600003), member()], ['in', 'zhangsan', 'A,B', '1']],
  'a time-out of the phone': [['A', 'B'], [lost('request:fail timeout', 5), member()], ['in', 'zhangsan', 'A,B', '1']],
  'a service that does not answer': [['A', 'B'], [silence, member()], ['in', 'zhangsan', 'A,B', '20,1']],
  'a domain that is not listed': [['A'], [lost('request:fail url not in domain list', 600002)], ['out', 'unreachable', 'A', '']],
  'the platform\'s 503 in HTML': [['A', 'B'], [answer(503, html), member()], ['in', 'zhangsan', 'A,B', '1']],
  'the platform\'s 503 with Retry-After': [
    ['A', 'B'], [answer(503, html, { 'retry-after': '7' }), member()], ['in', 'zhangsan', 'A,B', '7']],
  'the platform\'s 503 without a body': [['A', 'B'], [answer(503, null), member()], ['in', 'zhangsan', 'A,B', '1']],
  'the platform\'s 502 twice': [['A', 'B'], [answer(502, html), answer(502, html)], ['out', 'unexpected_answer', 'A,B', '1']],
  'the platform\'s 429': [['A', 'B'], [answer(429, ''), member()], ['in', 'zhangsan', 'A,B', '1']],
  'the platform\'s 401': [['A'], [answer(401, '')], ['out', 'unexpected_answer', 'A', '']],
  'the platform\'s 404': [['A'], [answer(404, '')], ['out', 'unexpected_answer', 'A', '']],
  'somebody else\'s 200': [['A'], [answer(200, html)], ['out', 'unexpected_answer', 'A', '']],
  'somebody else\'s JSON': [['A'], [answer(200, { code: 0 })], ['out', 'unexpected_answer', 'A', '']],
  'a gateway\'s problem': [
    ['A'], [answer(400, { type: 'about:blank', code: 'wecom_busy', retryable: true })], ['out', 'unexpected_answer', 'A', '']],
  'a code that is used twice': [['A', 'B'], [problem('invalid_code'), problem('invalid_code')], ['out', 'invalid_code', 'A,B', '']],
  'busy, then busy, then busy': [
    ['A', 'B', 'C', 'D'], [...Array(3).fill(problem('wecom_busy')), member()], ['in', 'zhangsan', 'A,B,C,D', '3,3,3']],
  'busy for ever': [['A', 'B', 'C', 'D'], Array(4).fill(problem('wecom_busy')), ['out', 'wecom_busy', 'A,B,C,D', '3,3,3']],
  'busy and limited, each twice': [
    ['A', 'B', 'C', 'D'], ['wecom_busy', 'too_many_requests', 'wecom_busy', 'too_many_requests'].map(code => problem(code)),
    ['out', 'too_many_requests', 'A,B,C,D', '3,3,3']],
  'busy for longer than anybody waits': [['A'], [problem('wecom_busy', { 'Retry-After': '61' })], ['out', 'wecom_busy', 'A', '']],
  'busy for longer in all': [
    ['A', 'B'], [problem('wecom_busy', { 'Retry-After': '40' }), problem('wecom_busy', { 'Retry-After': '21' })],
    ['out', 'wecom_busy', 'A,B', '40']],
  'busy without Retry-After': [['A', 'B'], [problem('wecom_busy', {}), member()], ['in', 'zhangsan', 'A,B', '2']],
  'busy until a date': [
    ['A', 'B'], [problem('wecom_busy', { 'Retry-After': 'Wed, 25 Nov 2026 08:31:00 GMT' }), member()], ['in', 'zhangsan', 'A,B', '2']],
  'a used code, then busy, then a lost connection': [
    ['A', 'B', 'C', 'D'], [problem('invalid_code'), problem('wecom_busy'), lost(), member()], ['in', 'zhangsan', 'A,B,C,D', '3,1']],
};

for (const os of ['ios', 'android']) {
  for (const [name, [codes, answers, expected]] of Object.entries(tries)) {
    test(`on ${os}: ${name}`, async () => {
      const phone = new Phone(inOrder(...answers), { os, hasErrno: os === 'ios' });
      phone.codes = [...codes];

      assert.deepEqual(await phone.outcome(phone.client().login()), expected);
      assert.equal(phone.codes.length, 0);
    });
  }
}

/** What comes of each problem, where everything is well with the next code. */
const problems = {
  invalid_request: ['out', 'invalid_request', 'A'],
  invalid_code: ['in', 'zhangsan', 'A,B'],
  corp_mismatch: ['out', 'corp_mismatch', 'A'],
  member_not_visible: ['out', 'member_not_visible', 'A'],
  other_app: ['in', 'zhangsan', 'A,B'],
  length_required: ['out', 'length_required', 'A'],
  payload_too_large: ['out', 'payload_too_large', 'A'],
  unsupported_media_type: ['out', 'unsupported_media_type', 'A'],
  too_many_requests: ['in', 'zhangsan', 'A,B'],
  misconfigured: ['out', 'misconfigured', 'A'],
  internal_error: ['out', 'internal_error', 'A'],
  wecom_unexpected: ['out', 'wecom_unexpected', 'A'],
  wecom_busy: ['in', 'zhangsan', 'A,B'],
};

test('every problem of a login has its row here', () =>
  assert.deepEqual(Object.keys(problems).sort(), Object.keys(problemsOf('/login')).sort()));

for (const [code, expected] of Object.entries(problems)) {
  test(`the problem ${code}`, async () => {
    const phone = new Phone(inOrder(problem(code), member()));
    phone.codes = ['A', 'B'];

    const [how, what, codes] = await phone.outcome(phone.client().login());

    assert.deepEqual([how, what, codes], expected);
  });

  test(`the problem ${code} is told as it came`, async () => {
    const phone = new Phone(() => problem(code));
    const { body, status, headers } = problemsOf('/login')[code];

    const error = await phone.fails(phone.client({ patience: 0 }).login());

    assert.ok(error instanceof phone.LoginError);
    assert.equal(String(error), `LoginError: ${code}: ${body.title} ${body.detail}`);
    const { type, ...told } = body;
    const retryAfter = headers['Retry-After'] ? { retryAfter: 3 } : {};
    const { message, stack, ...members } = { ...error };
    assert.deepEqual(members, { ...told, status, ...retryAfter });
    assert.match(stack, /miniprogram_dist/);
  });
}

test('what it posts', async () => {
  const phone = new Phone(inOrder(member()));
  phone.codes = ['A'];

  await phone.run(phone.client({ url: 'https://login.example.com/api/' }).login());

  assert.deepEqual(phone.posts.map(({ url, header, body }) => ({ url, header, body })), [{
    url: 'https://login.example.com/api/login',
    header: { 'content-type': 'application/json', 'x-functions-key': 'the-function-key' },
    body: { code: 'A' },
  }]);
});

test('without a function key it sends none', async () => {
  const phone = new Phone(inOrder(member()));

  await phone.run(phone.client({ functionKey: undefined }).login());

  assert.deepEqual(phone.posts[0].header, { 'content-type': 'application/json' });
});

test('the answer is what the service said', async () => {
  const { body } = member({ departments: [{ id: 1, name: '总部' }] });
  const phone = new Phone(inOrder(answer(200, body)));

  assert.deepEqual(plain(await phone.run(phone.client().login())), body);
});

for (const url of [undefined, '', 'login.example.com', '/api']) {
  test(`"${url}" is no url`, () => {
    const phone = new Phone(inOrder());

    assert.throws(() => phone.client({ url }), /url must be the address of WeComFunc's \/api/);
  });
}

test('outside WeCom nothing is posted', async () => {
  const phone = new Phone(inOrder(), { inWeCom: false });
  const client = phone.client();

  assert.equal(client.isInWeCom(), false);
  assert.deepEqual(await phone.outcome(client.login()), ['out', 'not_in_wecom', '', '']);
  assert.equal((await phone.fails(client.memberData(undefined))).code, 'not_in_wecom');
});

test('a wx.qy without login is not WeCom', () => {
  const phone = new Phone(inOrder());
  delete phone.qy.login;

  assert.equal(phone.client().isInWeCom(), false);
});

test('in WeCom it says so', () => assert.equal(new Phone(inOrder()).client().isInWeCom(), true));

test('logins at the same time share one, and a later one is one of its own', async () => {
  const phone = new Phone(() => member());
  const client = phone.client();

  const [one, other] = await phone.run(Promise.all([client.login(), client.login()]));
  assert.equal(one, other);
  assert.equal(phone.posts.length, 1);

  await phone.run(client.login());
  assert.equal(phone.posts.length, 2);
});

test('after a login that failed the next begins anew', async () => {
  const phone = new Phone(inOrder(problem('misconfigured'), member()));
  const client = phone.client();

  await phone.fails(client.login());

  assert.equal((await phone.outcome(client.login()))[1], 'zhangsan');
});

test('with less patience it gives up sooner', async () => {
  const phone = new Phone(inOrder(problem('wecom_busy', { 'Retry-After': '6' })));

  assert.deepEqual(await phone.outcome(phone.client({ patience: 5999 }).login()), ['out', 'wecom_busy', 'CODE1', '']);
});

test('a request that nobody answers is aborted', async () => {
  const phone = new Phone(() => silence);

  assert.deepEqual(await phone.outcome(phone.client({ timeout: 5000 }).login()), ['out', 'unreachable', 'CODE1,CODE2', '5,1,5']);
  assert.equal(phone.aborted, 2);
});

for (const [by, failure, hasErrno] of [
  ['its text', lost('request:fail url not in domain list'), false],
  ['errno', lost('request:fail', 600002), true]]) {
  test(`a domain that is not listed is told apart by ${by}`, async () => {
    const phone = new Phone(inOrder(failure), { hasErrno });

    const error = await phone.fails(phone.client().login());

    assert.match(error.detail, /add the domain to the request domains at mp\.weixin\.qq\.com/);
    assert.equal(error.retryable, false);
  });
}

for (const [status, advice] of [[401, /function key/], [404, /address of its \/api/], [403, /stopped/], [418, /platform/]]) {
  test(`the platform's ${status} says what to do`, async () => {
    const phone = new Phone(() => answer(status, ''));

    assert.match((await phone.fails(phone.client().login())).detail, advice);
  });
}

test('neither a code nor a token is stored or told', async () => {
  const storage = new Map();
  const session = { token: 'SECRET-TOKEN', expiresAt: '2026-11-25T09:30:00Z' };
  const phone = new Phone(inOrder(problem('other_app'), member({ session }), lost(), lost()), { storage });
  phone.codes = ['SECRET1', 'SECRET2', 'SECRET3', 'SECRET4'];
  const client = phone.client();

  await phone.run(client.login());
  const error = await phone.fails(client.login());

  assert.equal(error.code, 'unreachable');
  assert.doesNotMatch(JSON.stringify([[...storage], client, error, error.stack, String(error)]), /SECRET|the-function-key/);
  assert.deepEqual([...storage], [['wecomfunc.app https://login.example.com/api', 'sales']]);
});

test('the codes that the types name are those of the description', () => {
  const types = read('src/miniprogram/miniprogram_dist/index.d.ts');
  const named = /type ProblemCode =([^;]*);/.exec(types)[1].match(/[a-z_]+/g);

  assert.deepEqual(named.sort(), Object.keys({ ...problemsOf('/login'), ...problemsOf('/member-data') }).sort());
});

test('the problems of the contract are those of the description', () => {
  const rows = [...read('docs/contract.md').matchAll(/^\| `([a-z_]+)` \| (\d{3}) \|.*\| (yes|no) \|$/gm)];
  const told = { ...problemsOf('/login'), ...problemsOf('/member-data') };

  assert.ok(rows.length > 10);
  for (const [, code, status, retryable] of rows) {
    assert.deepEqual([code, told[code]?.status, told[code]?.body.retryable], [code, Number(status), retryable === 'yes']);
  }
});
