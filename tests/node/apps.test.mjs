// The client where a corp has several apps: which one it logs in to, and which one it remembers.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Phone, inOrder, lost, member, problem } from './phone.mjs';

const key = 'wecomfunc.app https://login.example.com/api';
const posted = phone => phone.posts.map(({ body }) => `${body.code} ${body.app ?? '-'}`);

function phoneWith(answers, options) {
  const phone = new Phone(inOrder(...answers), options);
  phone.codes = ['A', 'B', 'C', 'D', 'E'];
  return phone;
}

test('after other_app it logs in to that app with a new code, and remembers it', async () => {
  const phone = phoneWith([problem('other_app'), member(), member()]);
  const client = phone.client();

  await phone.run(client.login());
  await phone.run(client.login());

  assert.deepEqual(posted(phone), ['A -', 'B sales', 'C sales']);
});

test('another client, on another day, goes to the remembered app at once', async () => {
  const phone = phoneWith([member()], { storage: new Map([[key, 'sales']]) });

  await phone.run(phone.client({ app: 'north' }).login());

  assert.deepEqual(posted(phone), ['A sales']);
});

test('an app is remembered for its service only', async () => {
  const phone = phoneWith([member()], { storage: new Map([[key, 'sales']]) });

  await phone.run(phone.client({ url: 'https://other.example.com/api' }).login());

  assert.deepEqual(posted(phone), ['A -']);
});

test('a first app may be set', async () => {
  const phone = phoneWith([member()]);

  await phone.run(phone.client({ app: 'north' }).login());

  assert.deepEqual(posted(phone), ['A north']);
  assert.equal(phone.storage.size, 0);
});

test('two apps that name each other are no endless matter, and the last is remembered', async () => {
  const phone = phoneWith([problem('other_app'), problem('other_app')]);

  assert.deepEqual((await phone.outcome(phone.client().login())).slice(0, 3), ['out', 'other_app', 'A,B']);
  assert.equal(phone.storage.get(key), 'sales');
});

test('a lost connection does not cost the app\'s name', async () => {
  const phone = phoneWith([problem('other_app'), lost(), member()]);

  await phone.run(phone.client().login());

  assert.deepEqual(posted(phone), ['A -', 'B sales', 'C sales']);
});

for (const [code, times] of [['invalid_request', 1], ['misconfigured', 1], ['invalid_code', 2]]) {
  test(`a remembered app that ends in ${code} is forgotten, and the login begins anew`, async () => {
    const phone = phoneWith([...Array(times).fill(problem(code)), member()], { storage: new Map([[key, 'gone']]) });

    assert.equal((await phone.outcome(phone.client().login()))[0], 'in');
    assert.equal(posted(phone).at(-1).slice(2), '-');
    assert.equal(phone.storage.size, 0);
  });
}

for (const code of ['corp_mismatch', 'member_not_visible', 'wecom_unexpected']) {
  test(`a remembered app is kept where it ends in ${code}`, async () => {
    const phone = phoneWith([problem(code)], { storage: new Map([[key, 'sales']]) });

    assert.deepEqual((await phone.outcome(phone.client().login())).slice(0, 2), ['out', code]);
    assert.equal(phone.storage.get(key), 'sales');
  });
}

test('an app that other_app named is not forgotten in the same login', async () => {
  const phone = phoneWith([problem('other_app'), problem('misconfigured')], { storage: new Map([[key, 'north']]) });

  assert.deepEqual((await phone.outcome(phone.client().login())).slice(0, 3), ['out', 'misconfigured', 'A,B']);
  assert.equal(phone.storage.get(key), 'sales');
});

test('a storage that fails costs nothing but the memory', async () => {
  const phone = phoneWith([problem('other_app'), member()], { storage: null });

  assert.equal((await phone.outcome(phone.client().login()))[0], 'in');
});

test('a storage of one\'s own', async () => {
  const phone = phoneWith([problem('other_app'), member(), member()]);
  const own = new Map();
  const storage = {
    getStorageSync: name => own.get(name),
    setStorageSync: (name, value) => own.set(name, value),
    removeStorageSync: name => own.delete(name),
  };

  await phone.run(phone.client({ storage }).login());
  await phone.run(phone.client({ storage }).login());

  assert.deepEqual([posted(phone), [...own.values()], phone.storage.size], [['A -', 'B sales', 'C sales'], ['sales'], 0]);
});
