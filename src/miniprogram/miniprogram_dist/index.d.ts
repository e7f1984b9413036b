/** The login of a WeCom (企业微信) mini program by WeComFunc. */

/** Where the login is, and how long to wait for it. */
export interface ClientOptions {
  /** Address of the service's `/api`, such as `https://login.example.com/api`. */
  url: string;
  /** The function key. Whoever unpacks the mini program can read it: it keeps strangers off your quota, and proves nothing. */
  functionKey?: string;
  /** The app to log in to as long as the service has named no other one; the service's default app if left out. */
  app?: string;
  /** How long to wait for WeCom's code, and for an answer, in ms; 20,000 if left out. */
  timeout?: number;
  /** How long one login waits between its tries, all waits together, in ms; 60,000 if left out, 0 to try again at once or not at all. */
  patience?: number;
  /** Where the app's name is remembered; `wx` if left out. No code, token or member is ever stored. */
  storage?: AppStorage;
}

/** The part of `wx` that remembers the app's name. */
export interface AppStorage {
  getStorageSync(key: string): unknown;
  setStorageSync(key: string, value: string): void;
  removeStorageSync(key: string): void;
}

/** A member as WeCom describes it, of which the service may return a part: every member of `user/get`, under WeCom's names. */
export interface Profile {
  userid?: string;
  name?: string;
  department?: number[];
  position?: string;
  avatar?: string;
  [member: string]: unknown;
}

/** A department of the profile; the id alone where WeCom gives no name. */
export interface Department {
  id: number;
  name?: string;
  name_en?: string;
}

/** What any back end can check, with the service's `/.well-known/openid-configuration`. */
export interface Session {
  /** A JWT, to be sent as `Authorization: Bearer …`. It is a secret of the member's. */
  token: string;
  /** When it ends, by the service's clock: `2026-11-25T09:30:00Z`. */
  expiresAt: string;
  /** Whether member data can be had with it; absent where the service has that off. */
  memberData?: boolean;
}

/** Why a login has no profile. */
export interface ProfileError {
  code: 'member_not_visible' | 'wecom_busy' | 'wecom_unexpected' | 'misconfigured';
  errcode?: number;
  retryable: boolean;
}

/** Who is logged in. */
export interface Login {
  userid: string;
  corpid: string;
  /** `null` where it could not be had; `profileError` says why then. */
  profile: Profile | null;
  profileError?: ProfileError;
  /** Where the service has department names on. */
  departments?: Department[];
  /** Where the service has sessions on. */
  session?: Session;
}

/** The problems of the service. */
export type ProblemCode =
  | 'invalid_request' | 'length_required' | 'payload_too_large' | 'unsupported_media_type'
  | 'invalid_code' | 'other_app' | 'corp_mismatch' | 'member_not_visible' | 'too_many_requests'
  | 'wecom_unexpected' | 'wecom_busy' | 'misconfigured' | 'internal_error'
  | 'invalid_session' | 'invalid_data';

/** What goes wrong before the service has answered, or instead of that. */
export type ClientCode =
  /** The mini program does not run in WeCom: `wx.qy.login` is not there. */
  | 'not_in_wecom'
  /** `wx.qy.login` failed, gave an empty code, or did not answer. */
  | 'no_code'
  /** No answer: no network, a lost connection, the mini program in the background, a domain that is not listed. */
  | 'unreachable'
  /** An answer of somebody else: a wrong url, a wrong function key, the platform in front of the service. */
  | 'unexpected_answer'
  /** The service gives no sessions. */
  | 'no_session'
  /** The service opens no member data, or not with this session. */
  | 'no_member_data'
  /** WeCom did not give the encrypted data: the member declined, or may not; `errcode` is the call's errCode. */
  | 'not_given';

/** Why there is no login, no session or no data; what could help without a person has been tried. It holds no code and no token. */
export declare class LoginError extends Error {
  private constructor();
  /** What to decide by. A later service may have further ones. */
  readonly code: ProblemCode | ClientCode;
  /** One sentence, in English. */
  readonly title: string;
  /** What to do, in English. */
  readonly detail: string;
  /** The HTTP status; 0 without an answer. */
  readonly status: number;
  /** Whether the same may succeed later. */
  readonly retryable: boolean;
  /** What to tell the operator. */
  readonly traceId?: string;
  /** WeCom's errcode. */
  readonly errcode?: number;
  /** Of `other_app`, the app to log in to. */
  readonly app?: string;
  /** After how many seconds the service, or the platform, wants to be asked again. */
  readonly retryAfter?: number;
}

export interface Client {
  /** Logs in. Calls at the same time share one login. */
  login(): Promise<Login>;
  /**
   * The session token: the one in memory, or that of a new login where none is left or it is about to end.
   * @param refused A token that a back end has answered with 401: it is replaced, once however many say so.
   */
  session(refused?: string): Promise<string>;
  /**
   * What WeCom gives only encrypted, such as `memberData(wx.qy && wx.qy.getMobile)`: logs in where that is needed, asks the member, and has it
   * opened by the service. Logins of this client that begin meanwhile wait. Do not call `wx.qy.login` yourself meanwhile.
   */
  memberData<T extends object = Record<string, unknown>>(call: EncryptedCall | undefined): Promise<T>;
  /** Whether the mini program runs in WeCom, and not in WeChat. */
  isInWeCom(): boolean;
}

/** @throws {TypeError} `url` is none. */
export declare function createClient(options: ClientOptions): Client;

/** What a call of `wx.qy` gives that only the service can open. */
export interface EncryptedResult {
  encryptedData: string;
  iv: string;
  errMsg?: string;
}

/** Why a call of `wx.qy` gives nothing. */
export interface CallFailure {
  errMsg: string;
  errCode?: number;
}

/** The callbacks of a call of `wx.qy`. */
export interface CallOptions<T> {
  success?(result: T): void;
  fail?(failure: CallFailure): void;
  complete?(result: T | CallFailure): void;
}

/** `wx.qy.getMobile`, `getEmail` or `getEnterpriseUserInfo`. */
export type EncryptedCall = (options: CallOptions<EncryptedResult>) => void;

/** What `wx.qy` has for members, by documents 92388 and 96959 to 96978 of WeCom. */
export interface Qy {
  login(options?: CallOptions<{ code: string; errMsg: string }> & { timeout?: number; suiteId?: string }): void;
  checkSession?(options?: CallOptions<{ errMsg: string; expireIn?: number }>): void;
  getEnterpriseUserInfo?(options: CallOptions<EncryptedResult & {
    userInfo: { name: string; gender: string | number; language?: string };
    rawData: string;
    signature: string;
  }>): void;
  getMobile?(options: CallOptions<EncryptedResult>): void;
  getEmail?(options: CallOptions<EncryptedResult>): void;
  getAvatar?(options: CallOptions<{ avatar: string; errMsg: string }>): void;
  getQrCode?(options: CallOptions<{ qrCode: string; errMsg: string }>): void;
}

declare global {
  namespace WechatMiniprogram {
    interface Wx {
      /** There in WeCom only. */
      qy?: Qy;
    }
  }
}
