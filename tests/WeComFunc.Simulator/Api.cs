using System.Text.Json.Serialization;

namespace WeComFunc.Simulator;

/// <summary>The endpoints of qyapi that exist here; on the wire by the end of their path.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Api>))]
public enum Api
{
    [JsonStringEnumMemberName("gettoken")]
    GetToken,

    [JsonStringEnumMemberName("jscode2session")]
    JsCode2Session,

    [JsonStringEnumMemberName("user/get")]
    UserGet,

    [JsonStringEnumMemberName("department/get")]
    DepartmentGet,
}
