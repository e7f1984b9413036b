using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Azure.Data.Tables;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using WeComFunc.MemberData;
using WeComFunc.Secrets;
using WeComFunc.Sessions;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// Every way in which the token, the row or the data can be wrong: each is one of two problems, and nothing tells which way it was.
/// </summary>
[Collection(AzuriteCollection.Name)]
public sealed partial class WrongMemberDataTests(Azurite azurite) : MemberDataTest(azurite)
{
    private const string InvalidSession = "invalid_session";
    private const string InvalidData = "invalid_data";
    private const string Corp = SimulatorState.SeedCorpId;

    private static readonly string Far = new('A', 2000);

    /// <summary>What is sent in place of a good request; it begins as one.</summary>
    private readonly Dictionary<string, (string Problem, Func<Attempt, Task> Spoil)> _ways = [];

    [Fact]
    public async Task Every_way_is_one_of_two_problems_and_is_told_like_every_other()
    {
        AddHeaders();
        AddTokens();
        AddRows();
        AddBodies();
        AddPlainTexts();
        var host = await StartWithDataAsync(new()
        {
            ["Limits__LoginsPerSecondPerAddress"] = "0",
            ["WeCom__Apps__other__CorpId"] = Corp,
            ["WeCom__Apps__other__CorpSecret"] = WeCom.CorpSecret,
            ["WeCom__Apps__other__MiniProgramAppId"] = SimulatorState.SeedAppId,
        });
        var complaints = new List<string>();
        var answers = new Dictionary<string, string>();
        foreach (var (way, (problem, spoil)) in _ways)
        {
            var attempt = await GoodAsync(host);
            Assert.Equal(200, (await SendAsync(host, attempt)).Status);
            await spoil(attempt);
            var heard = host.Log.All.Count;

            var answer = await SendAsync(host, attempt);

            var told = string.Join('\n', host.Log.All.Skip(heard).Where(line => TellingPattern().IsMatch(line)).Select(Plain));
            var all = $"{answer.Status} {answer.ContentType} {answer.CacheControl} {answer.RetryAfter} {answer.Challenge} "
                + Plain(answer.Text);
            if (answer["code"] != problem)
            {
                complaints.Add($"{way}: {answer.Status} {answer["code"]} instead of {problem}");
            }
            else if (!answers.TryAdd(problem, all) && answers[problem] != all)
            {
                complaints.Add($"{way}: {all}{Environment.NewLine}instead of {answers[problem]}");
            }
            else if (told.Length > 0 && told != $"Information Member data: outcome {problem}, *, app *, traceId *")
            {
                complaints.Add($"{way}: the log has {told}");
            }
        }

        Assert.True(complaints.Count == 0, string.Join(Environment.NewLine, complaints));
        Assert.True(_ways.Count >= 100, $"{_ways.Count} ways");
        Assert.StartsWith("401 application/problem+json no-store  Bearer {", answers[InvalidSession], StringComparison.Ordinal);
        Assert.StartsWith("400 application/problem+json no-store   {", answers[InvalidData], StringComparison.Ordinal);
    }

    private void AddHeaders()
    {
        Header("no header", _ => null);
        Header("an empty header", _ => "");
        Header("another scheme", token => $"Basic {token}");
        Header("a scheme that begins so", token => $"Bearer2 {token}");
        Header("no scheme", token => token);
        Header("no token", _ => "Bearer");
        Header("no token behind a space", _ => "Bearer ");
        Header("two tokens", token => $"Bearer {token} {token}");
        Header("two headers", token => $"Bearer {token},Bearer {token}");
        Header("a word", _ => "Bearer nonsense");
        Header("three words", _ => "Bearer a.b.c");
        Header("empty parts", _ => "Bearer ..");
        Header("five parts", token => $"Bearer {token}.a.b");
        Header("no signature", token => $"Bearer {token[..(token.LastIndexOf('.') + 1)]}");
        Header("a signature that was cut", token => $"Bearer {token[..^4]}");
        Header("a signature that was changed", token => $"Bearer {Changed(token, token.LastIndexOf('.') + 5)}");
        Header("claims that were changed", token => $"Bearer {Changed(token, token.IndexOf('.') + 30)}");
        Header("a header that was changed", token => $"Bearer {Changed(token, 10)}");
        Header("a token in quotes", token => $"Bearer \"{token}\"");
        Header("a token of 8,000 letters", _ => $"Bearer {Far}.{Far}.{Far}{Far}");

        void Header(string way, Func<string, string?> header) => Add(way, InvalidSession, attempt =>
        {
            attempt.Authorization = header(attempt.Token);
            return Task.CompletedTask;
        });
    }

    private void AddTokens()
    {
        Token("a token without alg", attempt => Sign(attempt.Claims, null, "at+jwt"));
        Token("a token signed by HS256 with a word", attempt => Sign(
            attempt.Claims, new(new SymmetricSecurityKey(new byte[32]), SecurityAlgorithms.HmacSha256), "at+jwt"));
        Token("a token of another key", attempt => Sign(attempt.Claims, Another(null), "at+jwt"));
        Token("a token of another key with the id of ours", attempt => Sign(attempt.Claims, Another(attempt.Credentials.Kid), "at+jwt"));
        Token("an ID token", attempt => Sign(attempt.Claims, attempt.Credentials, "JWT"));
        Claim("another issuer", claims => claims["iss"] = "http://127.0.0.1/api/");
        Claim("no issuer", claims => claims.Remove("iss"));
        Claim("no end", claims => claims.Remove("exp"));
        Claim("another end", claims => claims["exp"] = claims["exp"]!.GetValue<long>() + 1200);
        Claim("an end that is over", claims => claims["exp"] = claims["iat"]!.GetValue<long>() - 61);
        Claim("a beginning to come", claims => claims["nbf"] = claims["exp"]!.GetValue<long>());
        Claim("no id", claims => claims.Remove("jti"));
        Claim("an empty id", claims => claims["jti"] = "");
        Claim("an id with a slash", claims => claims["jti"] = "0123456789abcdef/123456789abcdef");
        Claim("an id in capitals", claims => claims["jti"] = claims["jti"]!.GetValue<string>().ToUpperInvariant() + "A");
        Claim("an id that nobody has", claims => claims["jti"] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
        Claim("no corpid", claims => claims.Remove("corpid"));
        Claim("another corpid", claims => claims["corpid"] = SimulatorState.OtherCorpId);
        Claim("no userid", claims => claims.Remove("userid"));
        Claim("another userid", claims => claims["userid"] = "lisi");
        Claim("the userid in capitals", claims => claims["userid"] = "ZHANGSAN");
        Claim("no app", claims => claims.Remove("client_id"));
        Claim("another app", claims => claims["client_id"] = "other");
        Claim("an app that is not configured any more", claims => claims["client_id"] = "gone");
        Add("a session that has expired", InvalidSession, async attempt =>
        {
            Clock.Advance(TimeSpan.FromMinutes(61));
            attempt.Data = EncryptedMemberData.Of(Plaintext(Clock.GetUtcNow()), WeCom.SessionKeyOf("zhangsan"));
            await Task.CompletedTask;
        });
        Add("the session of another's row", InvalidSession, async attempt =>
        {
            var others = JsonNode.Parse(ClaimsOf(await TokenAsync(attempt.Host, "lisi")))!.AsObject();
            attempt.Claims["jti"] = others["jti"]!.DeepClone();
            attempt.Claims["exp"] = others["exp"]!.DeepClone();
            attempt.Authorization = $"Bearer {Sign(attempt.Claims, attempt.Credentials, "at+jwt")}";
        });

        void Claim(string way, Action<JsonObject> change) => Token($"a token with {way}", attempt =>
        {
            change(attempt.Claims);
            return Sign(attempt.Claims, attempt.Credentials, "at+jwt");
        });

        void Token(string way, Func<Attempt, string> token) => Add(way, InvalidSession, attempt =>
        {
            attempt.Authorization = $"Bearer {token(attempt)}";
            return Task.CompletedTask;
        });
    }

    private void AddRows()
    {
        Row("no row", (_, _) => null);
        Row("a row without the column", (_, row) => new TableEntity(row.PartitionKey, row.RowKey));
        Row("a row with a number", (_, row) => With(row, 7));
        Row("a row with bytes", (_, row) => With(row, new byte[40]));
        Row("a row with nothing", (_, row) => With(row, ""));
        Row("a row with a word", (_, row) => With(row, "nonsense"));
        Row("a row with Base64 of nothing sealed", (_, row) => With(row, Convert.ToBase64String(new byte[90])));
        Row("a row that was changed", (_, row) => With(row, Changed(Sealed(row), 50)));
        Row("a row whose nonce was changed", (_, row) => With(row, Changed(Sealed(row), 3)));
        Row("a row that was cut", (_, row) => With(row, Sealed(row)[..^8]));
        Row("a row of the head alone", (_, row) => With(row, Sealed(row)[..36]));
        Row("a row sealed with another corpsecret", (attempt, row) => With(row, SessionKey.Seal(
            WeCom.SessionKeyOf("zhangsan"), new("another-corpsecret-for-tests-of-the-row-01"), App, "zhangsan", attempt.Place)));
        Row("a row sealed for another place", (attempt, row) => With(row, SessionKey.Seal(
            WeCom.SessionKeyOf("zhangsan"), Secret, App, "zhangsan", attempt.Place with { Partition = "0-202601010000" })));
        Row("a row sealed for another row", (attempt, row) => With(row, SessionKey.Seal(
            WeCom.SessionKeyOf("zhangsan"), Secret, App, "zhangsan", attempt.Place with { Id = new('0', 32) })));
        Row("a row sealed for another member", (attempt, row) => With(row, SessionKey.Seal(
            WeCom.SessionKeyOf("zhangsan"), Secret, App, "lisi", attempt.Place)));
        Row("a row sealed for another app", (attempt, row) => With(row, SessionKey.Seal(
            WeCom.SessionKeyOf("zhangsan"), Secret, App with { Name = "other" }, "zhangsan", attempt.Place)));
        Row("a row sealed for another corp", (attempt, row) => With(row, SessionKey.Seal(
            WeCom.SessionKeyOf("zhangsan"), Secret, App with { CorpId = SimulatorState.OtherCorpId }, "zhangsan", attempt.Place)));
        Row("a row sealed as an access_token", (attempt, row) => With(row, Secret.Seal(
            SealPurpose.AccessToken,
            $"{WeCom.SessionKeyOf("zhangsan")}\n{Corp}\ndefault\nzhangsan",
            $"{attempt.Place.Partition}\n{attempt.Place.Id}")));
        Row("a row with a key of 15 bytes", (attempt, row) => With(row, SessionKey.Seal(
            Convert.ToBase64String(new byte[15]), Secret, App, "zhangsan", attempt.Place)));
        Row("a row with a key of 32 bytes", (attempt, row) => With(row, SessionKey.Seal(
            Convert.ToBase64String(new byte[32]), Secret, App, "zhangsan", attempt.Place)));
        Row("a row with a key that is no Base64", (attempt, row) => With(row, SessionKey.Seal(
            new('?', 24), Secret, App, "zhangsan", attempt.Place)));
        Add("another's row in its place", InvalidSession, async attempt =>
        {
            var others = PlaceOf(await TokenAsync(attempt.Host, "lisi"));
            TableEntity row = await Rows.GetEntityAsync<TableEntity>(others.Partition, others.Id);
            await Rows.UpsertEntityAsync(
                new TableEntity(attempt.Place.Partition, attempt.Place.Id) { ["SealedKey"] = Sealed(row) }, TableUpdateMode.Replace);
        });
        Add("no table", InvalidSession, async _ => await Rows.DeleteAsync());

        void Row(string way, Func<Attempt, TableEntity, TableEntity?> change) => Add(way, InvalidSession, async attempt =>
        {
            var (partition, id) = attempt.Place;
            var row = change(attempt, await Rows.GetEntityAsync<TableEntity>(partition, id));
            await (row is null ? Rows.DeleteEntityAsync(partition, id) : Rows.UpsertEntityAsync(row, TableUpdateMode.Replace));
        });

        static TableEntity With(TableEntity row, object value) => new(row.PartitionKey, row.RowKey) { ["SealedKey"] = value };

        static string Sealed(TableEntity row) => row.GetString("SealedKey");
    }

    private void AddBodies()
    {
        Body("no body", _ => "");
        Body("a word as the body", _ => "data");
        Body("an array as the body", _ => "[]");
        Body("a string as the body", _ => "\"data\"");
        Body("null as the body", _ => "null");
        Body("an empty object", _ => "{}");
        Body("a form", data => $"encryptedData={Uri.EscapeDataString(data.EncryptedData)}&iv={Uri.EscapeDataString(data.Iv)}");
        Body("a body that was cut", data => Json(data)[..^1]);
        Body("something behind the body", data => $"{Json(data)} x");
        Body("a body in Latin-1", data => Json(data).Replace("{", "{\"\u00ff\":1,", StringComparison.Ordinal), Encoding.Latin1);
        Body("a body of 100 KiB", data => $"{Json(data)}{new string(' ', 100 * 1024)}");
        Body("no encryptedData", data => $$"""{"iv":"{{data.Iv}}"}""");
        Body("no iv", data => $$"""{"encryptedData":"{{data.EncryptedData}}"}""");
        Body("names in another case", data => $$"""{"EncryptedData":"{{data.EncryptedData}}","IV":"{{data.Iv}}"}""");
        Body("encryptedData of another type", data => $$"""{"encryptedData":7,"iv":"{{data.Iv}}"}""");
        Body("encryptedData null", data => $$"""{"encryptedData":null,"iv":"{{data.Iv}}"}""");
        Body("an iv of another type", data => $$"""{"encryptedData":"{{data.EncryptedData}}","iv":["{{data.Iv}}"]}""");
        Body("an iv null", data => $$"""{"encryptedData":"{{data.EncryptedData}}","iv":null}""");
        Body(
            "encryptedData twice",
            data => Json(data).Replace("{", $$"""{"encryptedData":"{{data.EncryptedData}}",""", StringComparison.Ordinal));
        Body("an iv twice", data => Json(data).Replace("{", $$"""{"iv":"{{data.Iv}}",""", StringComparison.Ordinal));
        Text("nothing encrypted", _ => "");
        Text("Base64 for URLs", text => text.Replace('+', '-').Replace('/', '_') + "-_==");
        Text("Base64 with a space for a plus", text => $" {text[1..]}");
        Text("Base64 with a line end", text => text.Insert(20, "\\n"));
        Text("Base64 with a line end at its end", text => $"{text}\\r\\n");
        Text("Base64 without what fills it up", text => $"{text[..^2]}");
        Text("Base64 with too much of what fills it up", text => $"{text}=");
        Text("Base64 with something behind its end", text => $"{text}AAAA");
        Text("another alphabet", text => $"\u5f20{text[1..]}");
        Text("half a surrogate pair", text => $"\\ud83d{text[1..]}");
        Text("a block and a half", text => Convert.ToBase64String(Convert.FromBase64String(text)[..^8]));
        Text("a byte too many", text => Convert.ToBase64String([.. Convert.FromBase64String(text), 0]));
        Text("a block less", text => Convert.ToBase64String(Convert.FromBase64String(text)[..^16]));
        Text("a block twice", text => Convert.ToBase64String(
            [.. Convert.FromBase64String(text), .. Convert.FromBase64String(text)[^16..]]));
        Text(
            "a byte changed",
            text => Convert.ToBase64String([(byte)(Convert.FromBase64String(text)[0] ^ 1), .. Convert.FromBase64String(text)[1..]]));
        Text("over 32 KiB", _ => Convert.ToBase64String(new byte[24 * 1024 + 16]));
        Text("32 KiB of nothing", _ => Convert.ToBase64String(new byte[24 * 1024]));
        Iv("an empty iv", _ => "");
        Iv("an iv of 15 bytes", iv => Convert.ToBase64String(Convert.FromBase64String(iv)[..15]));
        Iv("an iv of 17 bytes", iv => Convert.ToBase64String([.. Convert.FromBase64String(iv), 0]));
        Iv("an iv of 32 bytes", iv => Convert.ToBase64String([.. Convert.FromBase64String(iv), .. Convert.FromBase64String(iv)]));
        Iv("an iv with a space", iv => $"{iv} ");
        Iv("an iv in hexadecimal", iv => Convert.ToHexString(Convert.FromBase64String(iv)));
        Iv("another iv", _ => Convert.ToBase64String(new byte[16]));

        void Text(string way, Func<string, string> change) =>
            Body(way, data => $$"""{"encryptedData":"{{change(data.EncryptedData)}}","iv":"{{data.Iv}}"}""");

        void Iv(string way, Func<string, string> change) =>
            Body(way, data => $$"""{"encryptedData":"{{data.EncryptedData}}","iv":"{{change(data.Iv)}}"}""");

        void Body(string way, Func<EncryptedMemberData, string> body, Encoding? encoding = null) => Add(way, InvalidData, attempt =>
        {
            attempt.Body = (encoding ?? Encoding.UTF8).GetBytes(body(attempt.Data));
            return Task.CompletedTask;
        });

        static string Json(EncryptedMemberData data) => Encoding.UTF8.GetString(BodyOf(data));
    }

    private void AddPlainTexts()
    {
        Plain("not JSON", _ => "mobile=13800000000"u8.ToArray());
        Plain("nothing", _ => []);
        Plain("an array", json => [.. "["u8, .. json, .. "]"u8]);
        Plain("a number", _ => "13800000000"u8.ToArray());
        Plain("null", _ => "null"u8.ToArray());
        Plain("an empty object", _ => "{}"u8.ToArray());
        Plain("cut", json => json[..^1]);
        Plain("something behind it", json => [.. json, .. "x"u8]);
        Plain("two objects", json => [.. json, .. json]);
        Plain("a byte order mark", json => [0xef, 0xbb, 0xbf, .. json]);
        Plain("a comment", json => [.. "/**/"u8, .. json]);
        Plain("UTF-16", json => Encoding.Unicode.GetBytes(Encoding.UTF8.GetString(json)));
        Plain("a byte that is not UTF-8", json => [.. json[..^1], .. ",\"a\":\""u8, 0xff, .. "\"}"u8]);
        Plain("half a character", json => [.. json[..^1], .. ",\"a\":\""u8, 0xe5, 0xbc, .. "\"}"u8]);
        Plain("a raw control character", json => [.. json[..^1], .. ",\"a\":\"\u0001\"}"u8]);
        Plain("nested too deep", json => [.. json[..^1], .. ",\"a\":"u8, .. Repeat('[', 100), .. Repeat(']', 100), .. "}"u8]);
        Member("a member twice", json => json.Replace("{\"mobile", "{\"mobile\":\"1\",\"mobile", StringComparison.Ordinal));
        Member(
            "a member in a member twice",
            json => json.Replace("{\"mobile", "{\"a\":{\"b\":1,\"b\":1},\"mobile", StringComparison.Ordinal));
        Watermark("no watermark", null);
        Watermark("a watermark null", "null");
        Watermark("a watermark that is a text", "\"wx0123456789abcdef\"");
        Watermark("a watermark that is an array", "[]");
        Watermark("an empty watermark", "{}");
        Watermark("a watermark twice", $"{Mark("NOW")},\"watermark\":{Mark("NOW")}");
        Watermark("an appid twice", """{"timestamp":NOW,"appid":"wx0123456789abcdef","appid":"wx0123456789abcdef"}""");
        Watermark("no appid", """{"timestamp":NOW}""");
        Watermark("an appid null", """{"timestamp":NOW,"appid":null}""");
        Watermark("an appid that is a number", """{"timestamp":NOW,"appid":7}""");
        Watermark("an empty appid", """{"timestamp":NOW,"appid":""}""");
        Watermark("another appid", """{"timestamp":NOW,"appid":"wxfedcba9876543210"}""");
        Watermark("an appid in another case", """{"timestamp":NOW,"appid":"WX0123456789ABCDEF"}""");
        Watermark("an appid with a space", """{"timestamp":NOW,"appid":"wx0123456789abcdef "}""");
        Watermark("the corpid for the appid", $$"""{"timestamp":NOW,"appid":"{{Corp}}"}""");
        Watermark("an appid of half a surrogate pair", """{"timestamp":NOW,"appid":"\ud83d"}""");
        Watermark("no timestamp", """{"appid":"wx0123456789abcdef"}""");
        Watermark("a timestamp null", Mark("null"));
        Watermark("a timestamp that is a word", Mark("\"now\""));
        Watermark("an empty timestamp", Mark("\"\""));
        Watermark("a timestamp in an array", Mark("[NOW]"));
        Watermark("a timestamp in ISO 8601", Mark("\"2026-01-01T00:00:00Z\""));
        Watermark("a timestamp in milliseconds", Mark("NOW000"));
        Watermark("a timestamp of long ago", Mark("1477314187"));
        Watermark("a timestamp below zero", Mark("-NOW"));
        Watermark("a timestamp without end", Mark("1e999"));
        Watermark("a timestamp beyond 64 bits", Mark("-79228162514264337593543950335"));
        Add("a watermark of eleven minutes ago", InvalidData, attempt =>
            Encrypt(attempt, Plaintext(Clock.GetUtcNow() - TimeSpan.FromSeconds(601))));
        Add("a watermark in eleven minutes", InvalidData, attempt =>
            Encrypt(attempt, Plaintext(Clock.GetUtcNow() + TimeSpan.FromSeconds(601))));
        Member("another userid", json => json.Replace("{\"mobile", "{\"userid\":\"lisi\",\"mobile", StringComparison.Ordinal));
        Member("a userid null", json => json.Replace("{\"mobile", "{\"userid\":null,\"mobile", StringComparison.Ordinal));
        Member("a userid that is a number", json => json.Replace("{\"mobile", "{\"userid\":7,\"mobile", StringComparison.Ordinal));
        Member("an empty userid", json => json.Replace("{\"mobile", "{\"userid\":\"\",\"mobile", StringComparison.Ordinal));
        Member(
            "a userid with an escape too many",
            json => json.Replace("{\"mobile", "{\"userid\":\"zhang\\u0000san\",\"mobile", StringComparison.Ordinal));
        Member("another corpid", json => json.Replace(
            "{\"mobile", $"{{\"corpid\":\"{SimulatorState.OtherCorpId}\",\"mobile", StringComparison.Ordinal));
        Member("a corpid null", json => json.Replace("{\"mobile", "{\"corpid\":null,\"mobile", StringComparison.Ordinal));
        Member("a corpid that is an object", json => json.Replace("{\"mobile", "{\"corpid\":{},\"mobile", StringComparison.Ordinal));
        Padding("no padding", 0, 0);
        Padding("padding of 0", 16, 0);
        Padding("padding of 17", 16, 17);
        Padding("padding of 255", 16, 255);
        Padding("padding of blocks of 32", 32, 32);
        Padding("padding that is longer than it says", 16, 1, 16);
        Padding("padding that differs within", 16, 16, 15);
        Add("data of another member", InvalidData, async attempt =>
        {
            await TokenAsync(attempt.Host, "lisi");
            attempt.Data = WeCom.Encrypt(MemberDataCall.GetMobile, "lisi");
        });
        Add("data of the member's next login", InvalidData, async attempt =>
        {
            await TokenAsync(attempt.Host);
            attempt.Data = WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan");
        });
        Add("data of the member's last login", InvalidData, async attempt =>
            attempt.Authorization = $"Bearer {await TokenAsync(attempt.Host)}");

        void Plain(string way, Func<byte[], byte[]> change) =>
            Add($"plain text: {way}", InvalidData, attempt => Encrypt(attempt, change(Plaintext(Clock.GetUtcNow()))));

        void Member(string way, Func<string, string> change) =>
            Plain(way, json => Encoding.UTF8.GetBytes(change(Encoding.UTF8.GetString(json))));

        void Watermark(string way, string? watermark) => Add($"plain text: {way}", InvalidData, attempt => Encrypt(
            attempt,
            Encoding.UTF8.GetBytes(watermark is null
                ? """{"mobile":"13800000000"}"""
                : $$"""{"mobile":"13800000000","watermark":{{watermark}}}""".Replace(
                    "NOW", $"{Clock.GetUtcNow().ToUnixTimeSeconds()}", StringComparison.Ordinal))));

        // Filled up to a block first, so that what follows is all of the padding.
        void Padding(string way, int count, byte value, byte last = 0) => Add($"plain text: {way}", InvalidData, attempt =>
        {
            var json = Plaintext(Clock.GetUtcNow());
            byte[] padding = [.. Enumerable.Repeat(value, count)];
            if (last != 0)
            {
                padding[0] = last;
            }

            return Encrypt(attempt, [.. json, .. Repeat(' ', 15 - ((json.Length + 15) % 16)), .. padding], PaddingMode.None);
        });

        static Task Encrypt(Attempt attempt, byte[] plain, PaddingMode padding = PaddingMode.PKCS7)
        {
            attempt.Data = EncryptedMemberData.Of(plain, attempt.SessionKey, padding);
            return Task.CompletedTask;
        }

        static byte[] Repeat(char letter, int count) => [.. Enumerable.Repeat((byte)letter, count)];

        static string Mark(string timestamp) => $$"""{"timestamp":{{timestamp}},"appid":"wx0123456789abcdef"}""";
    }

    private CorpSecret Secret => new(WeCom.CorpSecret);

    private void Add(string way, string problem, Func<Attempt, Task> spoil) => _ways.Add(way, (problem, spoil));

    private async Task<Attempt> GoodAsync(LoginHost host)
    {
        var token = await TokenAsync(host);
        var keys = (await host.Services.GetRequiredService<SigningKeySource>().GetAsync()).Value;
        return new(host, token, keys.ForSigning(Clock.GetUtcNow())!.Credentials)
        {
            Authorization = $"Bearer {token}",
            SessionKey = WeCom.SessionKeyOf("zhangsan"),
            Data = WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"),
        };
    }

    private static Task<LoginAnswer> SendAsync(LoginHost host, Attempt attempt) =>
        AskAsync(host, attempt.Authorization, attempt.Body ?? BodyOf(attempt.Data));

    private static byte[] Plaintext(DateTimeOffset now) => Encoding.UTF8.GetBytes(string.Create(
        CultureInfo.InvariantCulture,
        $$$"""{"mobile":"13800000000","watermark":{"timestamp":{{{now.ToUnixTimeSeconds()}}},"appid":"wx0123456789abcdef"}}"""));

    private static string Changed(string text, int at) => $"{text[..at]}{(text[at] == 'A' ? 'B' : 'A')}{text[(at + 1)..]}";

    private static string Sign(JsonObject claims, SigningCredentials? credentials, string type)
    {
        var header = new Dictionary<string, object> { ["typ"] = type };
        var handler = new JsonWebTokenHandler();
        return credentials is null
            ? handler.CreateToken(claims.ToJsonString(), header)
            : handler.CreateToken(claims.ToJsonString(), credentials, header);
    }

    private static SigningCredentials Another(string? kid) =>
        new(new ECDsaSecurityKey(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = kid ?? "another" }, SecurityAlgorithms.EcdsaSha256);

    /// <summary>A line or an answer without what differs in every one.</summary>
    private static string Plain(string text) => DifferingPattern().Replace(text, "*");

    [GeneratedRegex(@"^(Warning|Error|Critical)|Member data: ")]
    private static partial Regex TellingPattern();

    [GeneratedRegex(@"\b[0-9a-f]{32}\b|\d+\.\d+ ms|(?<=app )\w+|(?<!\d)20\d\d-\S+")]
    private static partial Regex DifferingPattern();

    /// <summary>A request, good until something is made wrong.</summary>
    private sealed record Attempt(LoginHost Host, string Token, SigningCredentials Credentials)
    {
        public JsonObject Claims { get; } = JsonNode.Parse(ClaimsOf(Token))!.AsObject();

        public SessionPlace Place { get; } = PlaceOf(Token);

        public required string SessionKey { get; init; }

        public required string? Authorization { get; set; }

        public required EncryptedMemberData Data { get; set; }

        /// <summary>In place of <see cref="Data"/>.</summary>
        public byte[]? Body { get; set; }
    }
}
