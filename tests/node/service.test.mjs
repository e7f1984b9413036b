// The client against the service itself. Waits are the phone's, so nobody waits.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Phone, plain } from './phone.mjs';
import { corp, otherCorp, over, post, startService } from './service.mjs';

let service;
before(async () => (service = await startService()));
after(() => service.stop());

const newCode = async (userid, corpid) => (await post(`${service.weCom}/sim/codes`, { userid, corpid })).code;

/** The phone of a member. */
function phoneOf(userid, corpid = corp, options = {}) {
  const phone = new Phone(over(fetch), options);
  phone.gives('login', () => newCode(userid, corpid).then(code => ({ code })));
  return [phone, phone.client({ url: service.url, functionKey: undefined })];
}

for (const os of ['ios', 'android']) {
  test(`on ${os}: a member logs in`, async () => {
    const [phone, client] = phoneOf('zhangsan', corp, { os });

    const { userid, corpid, profile, departments } = plain(await phone.run(client.login()));

    assert.deepEqual([userid, corpid, profile.name, departments.map(({ id }) => id)], ['zhangsan', corp, '张三', profile.department]);
    assert.equal(phone.posts.length, 1);
  });
}

test('a code that is used already costs a new one', async () => {
  const [phone, client] = phoneOf('lisi');
  const used = await newCode('lisi');
  await post(`${service.url}/login`, { code: used });
  const login = phone.qy.login;
  phone.qy.login = options => {
    phone.qy.login = login;
    options.success({ code: used });
  };

  assert.equal((await phone.run(client.login())).userid, 'lisi');
  assert.deepEqual([phone.posts.length, phone.waits], [2, []]);
});

test('a WeCom that is busy is waited for as long as Retry-After says', async () => {
  const [phone, client] = phoneOf('zhangsan');
  await post(`${service.weCom}/sim/faults`, { api: 'jscode2session', errcode: -1, times: 3 });

  assert.equal((await phone.run(client.login())).userid, 'zhangsan');
  assert.equal(phone.posts.length, 2);
  assert.ok(phone.waits.length === 1 && phone.waits[0] >= 2, `${phone.waits}`);
});

test('a member of the other app\'s corp gets in, and the app is remembered', async () => {
  const storage = new Map();
  const [phone, client] = phoneOf('zhaoliu', otherCorp, { storage });

  assert.equal((await phone.run(client.login())).corpid, otherCorp);
  assert.equal((await phone.run(client.login())).corpid, otherCorp);
  assert.deepEqual(phone.posts.map(({ body }) => body.app), [undefined, 'other', 'other']);
  assert.deepEqual([...storage.values()], ['other']);
});

test('a remembered app that is there no longer is forgotten', async () => {
  const storage = new Map([[`wecomfunc.app ${service.url}`, 'gone']]);
  const [phone, client] = phoneOf('zhangsan', corp, { storage });

  assert.equal((await phone.run(client.login())).userid, 'zhangsan');
  assert.equal(storage.size, 0);
});

test('a stranger is told why not, and what to report', async () => {
  await post(`${service.weCom}/sim/corps/wwstranger0000000/apps/login`, { secret: 'a-corpsecret-of-their-own', associated: true }, 'PUT');
  await post(`${service.weCom}/sim/corps/wwstranger0000000/members/sunqi`, { userid: 'sunqi', name: '孙七' }, 'PUT');
  const [phone, client] = phoneOf('sunqi', 'wwstranger0000000');

  const error = await phone.fails(client.login());

  assert.deepEqual([error.code, error.status, error.retryable], ['corp_mismatch', 403, false]);
  assert.match(error.traceId, /^[0-9a-f]{32}$/);
});

test('a member whom the app may not see is in, without a profile', async () => {
  const [phone, client] = phoneOf('wangwu');

  const { userid, profile, profileError } = plain(await phone.run(client.login()));

  assert.deepEqual([userid, profile, profileError.code], ['wangwu', null, 'member_not_visible']);
});

test('a wrong address says what url must be', async () => {
  const [phone] = phoneOf('zhangsan');

  const error = await phone.fails(phone.client({ url: `${service.url}/login` }).login());

  assert.deepEqual([error.code, error.status], ['unexpected_answer', 404]);
  assert.match(error.detail, /address of its \/api/);
});

test('an answer that is lost on its way costs a new code', async () => {
  const [phone, client] = phoneOf('zhangsan');
  phone.service = over(async (...request) => {
    await fetch(...request);
    phone.service = over(fetch);
    throw new TypeError('the connection is lost');
  });

  assert.equal((await phone.run(client.login())).userid, 'zhangsan');
  assert.equal(new Set(phone.posts.map(({ body }) => body.code)).size, 2);
});

test('nobody there is unreachable', async () => {
  const [phone] = phoneOf('zhangsan');

  const error = await phone.fails(phone.client({ url: 'http://127.0.0.1:1/api' }).login());

  assert.deepEqual([error.code, error.retryable, phone.posts.length], ['unreachable', true, 2]);
});

test('a session is good for what the service says, and is renewed before its end', async () => {
  // The phone's clock is months away from the service's.
  const [phone, client] = phoneOf('zhangsan', corp, { ahead: -90 * 24 * 3600 * 1000 });

  const token = await phone.run(client.session());
  assert.equal(JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).sub, `${corp}/zhangsan`);
  phone.pass(3600 - 90);
  assert.equal(await phone.run(client.session()), token);
  phone.pass(60);
  assert.notEqual(await phone.run(client.session()), token);
});

/** What a call of wx.qy gives a member, encrypted with the key of the latest login. */
const encrypted = (call, userid, corpid = corp) => post(`${service.weCom}/sim/member-data`, { call, userid, corpid });

for (const [userid, corpid] of [['zhangsan', corp], ['zhaoliu', otherCorp]]) {
  test(`member data of ${userid} is opened`, async () => {
    const [phone, client] = phoneOf(userid, corpid);
    phone.gives('getMobile', () => encrypted('getMobile', userid, corpid));
    phone.gives('getEmail', () => encrypted('getEmail', userid, corpid));

    assert.equal(typeof (await phone.run(client.memberData(phone.qy.getMobile))).mobile, 'string');
    const logins = phone.posts.filter(({ path }) => path === '/login').length;
    assert.equal(typeof (await phone.run(client.memberData(phone.qy.getEmail))).email, 'string');
    assert.equal(phone.posts.filter(({ path }) => path === '/login').length, logins);
  });
}

test('member data of a session that somebody else\'s login has overtaken is asked for again', async () => {
  const [phone, client] = phoneOf('zhangsan');
  phone.gives('getMobile', () => encrypted('getMobile', 'zhangsan'));
  await phone.run(client.login());
  await post(`${service.url}/login`, { code: await newCode('zhangsan') });

  assert.ok((await phone.run(client.memberData(phone.qy.getMobile))).mobile);
  assert.deepEqual(phone.posts.map(({ path }) => path), ['/login', '/member-data', '/login', '/member-data']);
});
