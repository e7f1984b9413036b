const { createClient } = require('wecomfunc-miniprogram');

const client = createClient({
  url: 'http://127.0.0.1:7071/api', // of ./run.sh; for a released mini program, https://login.YOUR-DOMAIN/api
  functionKey: '', // of the function app; the local host asks for none
});

const texts = {
  zh: {
    login: '登录',
    name: '姓名',
    departments: '部门',
    share: '提供我的手机号',
    mobile: '手机号',
    report: '请提供给管理员：',
    not_in_wecom: '请在企业微信中打开。',
    corp_mismatch: '请在企业微信中切换到所属企业。',
    member_not_visible: '您不在此应用的可见范围内，请联系管理员。',
    no_member_data: '服务没有开启此功能。',
    no_session: '服务没有开启此功能。',
    not_given: '没有得到手机号。',
    retryable: '暂时无法完成，请稍后再试。',
    other: '无法完成。',
  },
  en: {
    login: 'Log in',
    name: 'Name',
    departments: 'Departments',
    share: 'Share my mobile number',
    mobile: 'Mobile',
    report: 'Tell the administrator: ',
    not_in_wecom: 'Open this in WeCom.',
    corp_mismatch: 'Switch to your corp in WeCom.',
    member_not_visible: 'You may not use this app: ask the administrator.',
    no_member_data: 'The service has this switched off.',
    no_session: 'The service has this switched off.',
    not_given: 'There is no mobile number.',
    retryable: 'This cannot be done right now. Try again later.',
    other: 'This cannot be done.',
  },
};

Page({
  data: { text: texts.zh, busy: false, member: null, mobile: '', problem: '' },

  onLoad() {
    this.setData({ text: /^zh/.test(wx.getSystemInfoSync().language) ? texts.zh : texts.en });
    this.login();
  },

  login() {
    return this.show(client.login().then(({ userid, profile, departments }) => ({
      member: {
        name: (profile && profile.name) || userid,
        departments: (departments || []).map(({ id, name }) => name || id).join(', '),
      },
    })));
  },

  shareMobile() {
    return this.show(client.memberData(wx.qy && wx.qy.getMobile).then(({ mobile }) => ({ mobile })));
  },

  /** Shows what comes of something, and meanwhile that it is under way. */
  show(promise) {
    this.setData({ busy: true, problem: '' });
    return promise.then(data => this.setData(Object.assign({ busy: false }, data)), error => {
      const text = this.data.text;
      const said = text[error.code] || (error.retryable ? text.retryable : text.other);
      this.setData({ busy: false, problem: error.traceId ? `${said} ${text.report}${error.code} ${error.traceId}` : said });
    });
  },
});
