// What the types allow; each line below an "@ts-expect-error" must be refused.
import { createClient, LoginError } from 'wecomfunc-miniprogram';
import type { ClientCode, Login, ProblemCode, Qy } from 'wecomfunc-miniprogram';

const url = 'https://login.example.com/api';
const client = createClient({ url, functionKey: 'key', app: 'sales', timeout: 10_000, patience: 0, storage: wx });

// @ts-expect-error it cannot do without an address
createClient({ functionKey: 'key' });

client.login().then(({ userid, corpid, profile, profileError, departments, session }: Login) => {
  const texts: string[] = [userid, corpid, session?.token ?? '', session?.expiresAt ?? '', departments?.[0]?.name ?? ''];
  const name: string | undefined = profile?.name;
  const further: unknown = profile?.['extattr'];
  const errcode: number | undefined = profileError?.errcode;
  // @ts-expect-error there may be no profile
  profile.name;
  // @ts-expect-error there may be no session
  session.token;
  return [texts, name, further, errcode];
});

client.session().then(token => wx.request({ url: 'https://orders.example.com', header: { authorization: `Bearer ${token}` } }));
client.session('refused');
client.memberData(wx.qy?.getMobile).then(data => data['mobile']);
client.memberData<{ mobile: string }>(wx.qy?.getMobile).then(({ mobile }) => mobile.length);
client.memberData(wx.qy?.getEmail);
client.memberData(wx.qy?.getEnterpriseUserInfo);
// @ts-expect-error an avatar is not encrypted
client.memberData(wx.qy?.getAvatar);
// @ts-expect-error it is the call itself, not its name
client.memberData('getMobile');

const inside: boolean = client.isInWeCom();
// @ts-expect-error there is no wx.qy in WeChat
wx.qy.login({});
const qy: Qy | undefined = wx.qy;
qy?.login({ timeout: 1000, success: ({ code }) => code.length, fail: ({ errMsg }) => errMsg.length });

function told(error: unknown): string {
  if (!(error instanceof LoginError)) return '';
  const code: ProblemCode | ClientCode = error.code;
  const facts: [number, boolean, string | undefined, number | undefined, number | undefined] =
    [error.status, error.retryable, error.traceId, error.errcode, error.retryAfter];
  // @ts-expect-error there is no such code
  const never = error.code === 'no_such_code';
  // @ts-expect-error nobody else makes one
  new LoginError({});
  return `${code} ${facts} ${never} ${error.title} ${error.detail} ${error.message} ${inside}`;
}
told(undefined);
