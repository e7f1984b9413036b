using System.Text;
using WeComFunc.Sessions;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary>The body of a login, member for member.</summary>
public sealed class LoginAnswerTests
{
    private const string Who = "\"userid\":\"张<三>\",\"corpid\":\"ww1\"";

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"userid":"u","name":"<张>","n":12345678901234567890.50}""")]
    [InlineData("""{"a" : 1,"a":2}""")]
    public void A_profile_is_part_of_it_byte_for_byte(string profile) =>
        Assert.Equal($"{{{Who},\"profile\":{profile}}}", Compose(profile));

    [Fact]
    public void A_long_profile_is_too()
    {
        var profile = $"{{\"a\":\"{new string('x', 2000)}\"}}";

        Assert.Equal($"{{{Who},\"profile\":{profile}}}", Compose(profile));
    }

    [Theory]
    [InlineData(FailureKind.MemberNotVisible, 60111, "\"member_not_visible\",\"errcode\":60111")]
    [InlineData(FailureKind.Busy, -1, "\"wecom_busy\",\"errcode\":-1")]
    [InlineData(FailureKind.Busy, null, "\"wecom_busy\"")]
    [InlineData(FailureKind.Misconfigured, 48002, "\"misconfigured\",\"errcode\":48002")]
    [InlineData(FailureKind.Unexpected, null, "\"wecom_unexpected\"")]
    public void Without_a_profile_it_says_why_and_that_there_is_nothing_to_try_again(FailureKind kind, int? errcode, string code) =>
        Assert.Equal(
            $"{{{Who},\"profile\":null,\"profileError\":{{\"code\":{code},\"retryable\":false}}}}",
            Compose(null, new Failure(kind, errcode, TimeSpan.FromSeconds(1))));

    [Fact]
    public void Departments_have_the_names_that_WeCom_gives() => Assert.Equal(
        $$"""
        {{{Who}},"profile":{},"departments":[{"id":2,"name":"研发部"},{"id":1,"name":"示例","name_en":"Example"},{"id":77}]}
        """,
        Compose("{}", null, [new(2, "研发部", null), new(1, "示例", "Example"), new(77, null, null)]));

    [Theory]
    [InlineData(null, "")]
    [InlineData(true, ",\"memberData\":true")]
    [InlineData(false, ",\"memberData\":false")]
    public void A_session_says_when_it_ends_and_what_can_be_had_with_it(bool? memberData, string more)
    {
        var session = new Session("a.b.c", new(2026, 3, 1, 12, 30, 5, TimeSpan.FromHours(8)));

        Assert.Equal(
            $"{{{Who},\"profile\":null,\"session\":{{\"token\":\"a.b.c\",\"expiresAt\":\"2026-03-01T04:30:05Z\"{more}}}}}",
            Encoding.UTF8.GetString(Login.LoginAnswer.Compose("张<三>", "ww1", null, null, null, session, memberData).Span));
    }

    [Fact]
    public void A_profile_without_departments_has_none_by_name() =>
        Assert.Equal($"{{{Who},\"profile\":{{}},\"departments\":[]}}", Compose("{}", null, []));

    private static string Compose(string? profile, Failure? unseen = null, Department[]? departments = null)
    {
        using var bytes = profile is null ? null : new RentedBytes(profile.Length * 3);
        bytes?.Write(Encoding.UTF8.GetBytes(profile!));
        return Encoding.UTF8.GetString(Login.LoginAnswer.Compose("张<三>", "ww1", bytes, unseen, departments).Span);
    }
}
