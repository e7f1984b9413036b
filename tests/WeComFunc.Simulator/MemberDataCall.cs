using System.Text.Json.Serialization;

namespace WeComFunc.Simulator;

/// <summary>The calls of <c>wx.qy</c> that give a mini program something encrypted (documents 96974, 96977, 96978).</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MemberDataCall>))]
public enum MemberDataCall
{
    [JsonStringEnumMemberName("getMobile")]
    GetMobile,

    [JsonStringEnumMemberName("getEmail")]
    GetEmail,

    [JsonStringEnumMemberName("getEnterpriseUserInfo")]
    GetEnterpriseUserInfo,
}
