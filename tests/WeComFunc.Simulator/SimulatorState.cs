using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace WeComFunc.Simulator;

/// <summary>Everything the simulated WeCom knows. Starts with the seed that README.md describes.</summary>
/// <remarks>Unknown corps and apps throw <see cref="KeyNotFoundException"/>, unfit values <see cref="ArgumentException"/>.</remarks>
public sealed class SimulatorState
{
    /// <summary>A header by which a call may have a name, for <see cref="IsWaiting"/>.</summary>
    public const string CallHeader = "X-Simulator-Call";

    public const string SeedCorpId = "ww1234567890abcdef";
    public const string OtherCorpId = "wwfedcba0987654321";
    public const string SeedAppId = "wx0123456789abcdef";
    public const string SeedApp = "login";
    public const string NotAssociatedApp = "reports";

    private const int MinSecretLength = 16;
    private const int AccessTokenLength = 214;
    private const int TokenSeconds = 7200;
    private const int CodeSeconds = 300;

    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Corp> _corps = [];
    private readonly Dictionary<string, Token> _tokens = [];
    private readonly Dictionary<string, Code> _codes = [];
    private readonly Dictionary<(string CorpId, string UserId), string> _sessionKeys = [];
    private readonly List<string> _issuedSecrets = [];
    private readonly ApiTraffic[] _traffic = [.. Enum.GetValues<Api>().Select(_ => new ApiTraffic())];
    private readonly ConcurrentDictionary<string, Task> _waiting = new();

    internal SimulatorState(TimeProvider? time, string? secret)
    {
        Time = time ?? TimeProvider.System;
        PutApp(SeedCorpId, SeedApp, secret, hiddenMembers: ["wangwu"]);
        PutApp(SeedCorpId, NotAssociatedApp, associated: false);
        PutApp(OtherCorpId, SeedApp);
        using var documented = new StreamReader(typeof(SimulatorState).Assembly.GetManifestResourceStream("user-get.json")!);
        PutMember(SeedCorpId, "zhangsan", documented.ReadToEnd());
        PutMember(SeedCorpId, "lisi", """
            {
              "userid":"lisi","name":"李四🐉👩‍💻","department":[2],"main_department":2,"status":1,"badge_number":12345678901234567890,
              "hired_via":{"channel":"校招","score":[1.50,null,true]},"motto":"caf\u00e9 \"\/\""
            }
            """);
        PutMember(SeedCorpId, "wangwu", """{"userid":"wangwu","name":"王五","department":[9],"status":1}""");
        PutDepartment(SeedCorpId, 1, "示例公司", "Example Corp");
        PutDepartment(SeedCorpId, 2, "研发部");
        PutDepartment(OtherCorpId, 1, "另一家公司");
        PutMember(OtherCorpId, "zhaoliu", """{"userid":"zhaoliu","name":"赵六","department":[1],"status":1}""");
    }

    /// <summary>Current corpsecret of <see cref="SeedApp"/> in <see cref="SeedCorpId"/>.</summary>
    public string CorpSecret => GetSecret(SeedCorpId, SeedApp);

    public TokenSemantics Semantics { get; set; }

    /// <summary>appid of the mini program; stands in the watermark of what it gets encrypted.</summary>
    public string MiniProgramAppId { get; set; } = SeedAppId;

    /// <summary>Every corpsecret, access_token, session_key and code since the start: no output may show one.</summary>
    public IReadOnlyList<string> IssuedSecrets
    {
        get
        {
            lock (_lock)
            {
                return [.. _issuedSecrets];
            }
        }
    }

    internal TimeProvider Time { get; }

    internal DateTimeOffset UtcNow => Time.GetUtcNow();

    /// <summary>Whether the call of this name is held now, or delayed by a clock that is not the system's.</summary>
    public bool IsWaiting(string call) => _waiting.TryGetValue(call, out var waited) && !waited.IsCompleted;

    internal async Task WaitAsync(string? call, Task waited, CancellationToken given)
    {
        if (call is not null)
        {
            _waiting[call] = waited;
        }

        await waited.WaitAsync(given);
    }

    public ApiTraffic this[Api api] => _traffic[(int)api];

    /// <summary>Adds an app, with its corp when that is new, or changes what is given of an existing one.</summary>
    /// <remarks>
    /// A new app gets a random secret, is associated with the mini program, and sees all members and departments but the hidden ones.
    /// <paramref name="ipTrusted"/> false: 60020 on every call but <c>gettoken</c>.
    /// </remarks>
    public void PutApp(
        string corpId,
        string app,
        string? secret = null,
        bool? associated = null,
        bool? ipTrusted = null,
        IEnumerable<string>? hiddenMembers = null,
        IEnumerable<int>? hiddenDepartments = null)
    {
        lock (_lock)
        {
            var corp = GetOrAddCorp(corpId);
            if (!corp.Apps.TryGetValue(app, out var known))
            {
                corp.Apps[app] = known = new App(corp, Remember(secret ?? RandomText(43)));
            }
            else if (secret is not null)
            {
                known.Secret = Remember(secret);
            }

            known.Associated = associated ?? known.Associated;
            known.IpTrusted = ipTrusted ?? known.IpTrusted;
            known.Hidden = hiddenMembers?.ToHashSet(StringComparer.OrdinalIgnoreCase) ?? known.Hidden;
            known.HiddenDepartments = hiddenDepartments?.ToHashSet() ?? known.HiddenDepartments;
        }
    }

    public string GetSecret(string corpId, string app)
    {
        lock (_lock)
        {
            return _corps[corpId].Apps[app].Secret;
        }
    }

    /// <summary>Gives the app a new corpsecret. The old one is dead, and with <paramref name="revokeTokens"/> its tokens too.</summary>
    public string RotateSecret(string corpId, string app, bool revokeTokens = false, string? secret = null)
    {
        lock (_lock)
        {
            var known = _corps[corpId].Apps[app];
            if (revokeTokens)
            {
                Revoke(token => token.App == known);
            }

            return known.Secret = Remember(secret ?? RandomText(43));
        }
    }

    /// <summary>Adds or replaces a member. <paramref name="json"/> is kept verbatim, except for errcode and errmsg.</summary>
    public void PutMember(string corpId, string userId, string json)
    {
        using var document = JsonDocument.Parse(json);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw new ArgumentException("A member is a JSON object.", nameof(json));
        }

        var answer = new StringBuilder("{\"errcode\":0,\"errmsg\":\"ok\"");
        foreach (var property in document.RootElement.EnumerateObject().Where(member => member.Name is not ("errcode" or "errmsg")))
        {
            // JsonProperty.ToString is the name and value as they were written, escapes and digits included.
            answer.Append(',').Append(property);
        }

        lock (_lock)
        {
            GetOrAddCorp(corpId).Members[userId] = Encoding.UTF8.GetBytes(answer.Append('}').ToString());
        }
    }

    /// <summary>Adds or replaces a department.</summary>
    public void PutDepartment(string corpId, int id, string name, string? nameEn = null)
    {
        lock (_lock)
        {
            var english = nameEn is null ? "" : $",\"name_en\":\"{Json(nameEn)}\"";
            GetOrAddCorp(corpId).Departments[id] = Encoding.UTF8.GetBytes(
                $$"""{"errcode":0,"errmsg":"ok","department":{"id":{{id}},"name":"{{Json(name)}}"{{english}},"parentid":"""
                + $$"""{{(id == 1 ? 0 : 1)}},"order":1} }""");
        }
    }

    /// <summary>What <c>wx.qy.login</c> does for a member of the corp (the member need not exist).</summary>
    public string IssueCode(string userId, string corpId = SeedCorpId, string? code = null)
    {
        lock (_lock)
        {
            code ??= RandomText(43);
            _codes[Remember(code)] = new Code(_corps[corpId], userId, UtcNow.AddSeconds(CodeSeconds));
            return code;
        }
    }

    /// <summary>The session_key of the member's latest login, which is the one that counts.</summary>
    public string SessionKeyOf(string userId, string corpId = SeedCorpId)
    {
        lock (_lock)
        {
            return _sessionKeys.TryGetValue((corpId, userId), out var key)
                ? key
                : throw new KeyNotFoundException($"{userId} of {corpId} has not logged in.");
        }
    }

    /// <summary>
    /// What a call of <c>wx.qy</c> gives the mini program of a member who has logged in, encrypted with the session_key of the latest
    /// login.
    /// </summary>
    public EncryptedMemberData Encrypt(MemberDataCall call, string userId, string corpId = SeedCorpId)
    {
        lock (_lock)
        {
            using var profile = JsonDocument.Parse(_corps[corpId].Members[userId]);
            var watermark = new { appid = MiniProgramAppId, timestamp = UtcNow.ToUnixTimeSeconds() };
            object plain = call switch
            {
                MemberDataCall.GetMobile => new { mobile = Text("mobile"), watermark },
                MemberDataCall.GetEmail => new { email = Text("email"), watermark },
                _ => new { corpid = corpId, userid = userId, name = Text("name"), gender = Text("gender"), watermark },
            };
            return EncryptedMemberData.Of(JsonSerializer.SerializeToUtf8Bytes(plain, Readable), SessionKeyOf(userId, corpId));

            string Text(string member) => profile.RootElement.TryGetProperty(member, out var value) ? value.ToString() : "";
        }
    }

    /// <summary>Invalidates all tokens ahead of time.</summary>
    /// <returns>How many were alive.</returns>
    public int RevokeTokens()
    {
        lock (_lock)
        {
            return Revoke(_ => true);
        }
    }

    /// <summary>A picture of the state for people.</summary>
    public object Describe()
    {
        lock (_lock)
        {
            return new
            {
                Corps = _corps.Values.Select(corp => new
                {
                    Corpid = corp.CorpId,
                    Apps = corp.Apps.Select(entry => Describe(entry.Key, entry.Value)).ToArray(),
                    Members = corp.Members.Keys.ToArray(),
                }).ToArray(),
                OpenCodes = _codes.Count,
            };
        }

        object Describe(string name, App app) => new
        {
            Name = name,
            app.Secret,
            app.Associated,
            app.IpTrusted,
            HiddenMembers = app.Hidden.ToArray(),
            HiddenDepartments = app.HiddenDepartments.ToArray(),
            LiveTokens = _tokens.Values.Where(token => token.App == app && IsAlive(token))
                .Select(token => new { token.Value, token.ExpiresAt }).ToArray(),
        };
    }

    internal Answer GetToken(string? corpId, string? secret)
    {
        lock (_lock)
        {
            var corp = _corps.GetValueOrDefault(corpId ?? "");
            var app = corp?.Apps.Values.FirstOrDefault(app => app.Secret == secret);
            return (corpId, secret) switch
            {
                (null or "", _) => Failure(41002),
                (_, null or "") => Failure(41004),
                _ when corp is null => Failure(40013),
                _ when app is null => Failure(40001),
                _ => GiveToken(app),
            };
        }
    }

    internal Answer JsCode2Session(string? accessToken, string? jsCode, string? grantType)
    {
        lock (_lock)
        {
            var refusal = Check(accessToken, out var app);
            return (jsCode, grantType) switch
            {
                _ when refusal is { } errcode => Failure(errcode),
                _ when !app!.Associated => Failure(40014),
                (null or "", _) => Failure(41008),
                (_, not "authorization_code") => Failure(40035),
                _ => Exchange(jsCode),
            };
        }
    }

    internal Answer GetUser(string? accessToken, string? userId)
    {
        lock (_lock)
        {
            var refusal = Check(accessToken, out var app);
            var answer = app?.Corp.Members.GetValueOrDefault(userId ?? "");
            return userId switch
            {
                _ when refusal is { } errcode => Failure(errcode),
                null or "" => Failure(41009),
                _ when answer is null || app!.Hidden.Contains(userId) => Failure(60111),
                _ => Answer.Success(answer),
            };
        }
    }

    internal Answer GetDepartment(string? accessToken, string? id)
    {
        lock (_lock)
        {
            return Check(accessToken, out var app) is { } errcode ? Failure(errcode)
                : !int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? Failure(40035)
                : app!.HiddenDepartments.Contains(number) ? Failure(60011)
                : app.Corp.Departments.TryGetValue(number, out var answer) ? Answer.Success(answer)
                : Failure(60003);
        }
    }

    private static string RandomText(int length) => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(length))[..length];

    private static JsonEncodedText Json(string text) => JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);

    /// <summary>The userid of a corp that has not associated the mini program comes in a form that means nothing to others.</summary>
    private static string Encrypt(Code code) =>
        "wo" + Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes($"{code.Corp.CorpId}/{code.UserId}")))[..30];

    private Answer Failure(int errcode) => Answer.Failure(errcode, UtcNow);

    private int? Check(string? accessToken, out App? app)
    {
        var token = _tokens.GetValueOrDefault(accessToken ?? "");
        app = token?.App;
        return token switch
        {
            _ when string.IsNullOrEmpty(accessToken) => 41001,
            null or { Revoked: true } => 40014,
            _ when UtcNow >= token.ExpiresAt => 42001,
            { App.IpTrusted: false } => 60020,
            _ => null,
        };
    }

    private Answer GiveToken(App app)
    {
        var token = app.Current is { } current && IsAlive(current) ? current : null;
        if (token is null || Semantics != TokenSemantics.SameWhileValid)
        {
            token?.Revoked = Semantics == TokenSemantics.NewEachTimeOldDies;
            token = new Token(Remember(RandomText(AccessTokenLength)), app, UtcNow.AddSeconds(TokenSeconds));
            app.Current = _tokens[token.Value] = token;
        }

        return Answer.Success($$"""{"errcode":0,"errmsg":"ok","access_token":"{{token.Value}}","expires_in":{{TokenSeconds}}}""");
    }

    private Answer Exchange(string jsCode)
    {
        if (!_codes.Remove(jsCode, out var code) || UtcNow >= code.ExpiresAt)
        {
            return Failure(code is null ? 40029 : 42003);
        }

        var corp = Json(code.Corp.CorpId);
        var user = Json(code.Corp.Apps.Values.Any(app => app.Associated) ? code.UserId : Encrypt(code));
        var key = Remember(Convert.ToBase64String(RandomNumberGenerator.GetBytes(16)));
        _sessionKeys[(code.Corp.CorpId, code.UserId)] = key;
        return Answer.Success(
            $$"""{"errcode":0,"errmsg":"ok","corpid":"{{corp}}","userid":"{{user}}","session_key":"{{key}}","deviceid":""}""");
    }

    private bool IsAlive(Token token) => !token.Revoked && UtcNow < token.ExpiresAt;

    private int Revoke(Func<Token, bool> which)
    {
        var alive = _tokens.Values.Where(token => IsAlive(token) && which(token)).ToList();
        alive.ForEach(token => token.Revoked = true);
        return alive.Count;
    }

    private Corp GetOrAddCorp(string corpId) =>
        _corps.TryGetValue(corpId, out var corp) ? corp : _corps[corpId] = new Corp(corpId);

    /// <summary>A short secret would be found by chance in the output that tests scan.</summary>
    private string Remember(string secret)
    {
        if (secret.Length < MinSecretLength)
        {
            throw new ArgumentException($"A secret or code needs at least {MinSecretLength} characters.");
        }

        _issuedSecrets.Add(secret);
        return secret;
    }

    private sealed class Corp(string corpId)
    {
        public string CorpId => corpId;
        public Dictionary<string, App> Apps { get; } = [];
        public Dictionary<int, byte[]> Departments { get; } = [];

        /// <summary>By userid, which is case-insensitive (document 96255): the whole answer of <c>user/get</c>.</summary>
        public Dictionary<string, byte[]> Members { get; } = new(StringComparer.OrdinalIgnoreCase);
    }

    private sealed class App(Corp corp, string secret)
    {
        public Corp Corp => corp;
        public string Secret { get; set; } = secret;
        public bool Associated { get; set; } = true;
        public bool IpTrusted { get; set; } = true;
        public HashSet<string> Hidden { get; set; } = [];
        public HashSet<int> HiddenDepartments { get; set; } = [];
        public Token? Current { get; set; }
    }

    private sealed class Token(string value, App app, DateTimeOffset expiresAt)
    {
        public string Value => value;
        public App App => app;
        public DateTimeOffset ExpiresAt => expiresAt;
        public bool Revoked { get; set; }
    }

    private sealed record Code(Corp Corp, string UserId, DateTimeOffset ExpiresAt);
}
