using System.Globalization;
using System.Text;

namespace WeComFunc.Simulator;

/// <summary>What a call gets; HTTP status 0 means that the connection is lost instead.</summary>
internal readonly record struct Answer(int? Errcode, int Status, ReadOnlyMemory<byte> Body)
{
    public static Answer Lost => default;

    public static Answer Success(byte[] body) => new(0, 200, body);

    public static Answer Success(string body) => Success(Encoding.UTF8.GetBytes(body));

    /// <summary>Worded as WeCom words it; the hint is a time and a number that only WeCom can look up.</summary>
    public static Answer Failure(int errcode, DateTimeOffset now)
    {
        var hint = $"{now.ToUnixTimeSeconds()}{Random.Shared.NextInt64((long)1e14, (long)1e15)}";
        var text = $"{Text(errcode)}, hint: [{hint}], from ip: 127.0.0.1, "
            + $"more info at https://open.work.weixin.qq.com/devtool/query?e={errcode}";
        return new(errcode, 200, Encoding.UTF8.GetBytes($$"""{"errcode":{{errcode}},"errmsg":"{{text}}"}"""));
    }

    public override string ToString() =>
        Errcode?.ToString(CultureInfo.InvariantCulture) ?? (Status == 0 ? "lost" : $"HTTP {Status}");

    private static string Text(int errcode) => errcode switch
    {
        -1 => "system busy",
        40001 => "invalid credential",
        40013 => "invalid corpid",
        40014 => "invalid access_token",
        40029 => "invalid code",
        40035 => "invalid parameter",
        41001 => "access_token missing",
        41002 => "corpid missing",
        41004 => "corpsecret missing",
        41008 => "code missing",
        41009 => "userid missing",
        42001 => "access_token expired",
        42003 => "code expired",
        45009 => "api freq out of limit",
        60011 => "no privilege to access/modify contact/party/agent",
        60020 => "not allow to access from your ip",
        60111 => "userid not found",
        _ => "simulated failure",
    };
}
