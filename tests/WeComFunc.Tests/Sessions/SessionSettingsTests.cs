using WeComFunc.Sessions;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The settings <c>Session__…</c>.</summary>
public sealed class SessionSettingsTests
{
    private const string IssuerMalformed =
        "Session__Issuer is malformed: it must be the https address at which callers reach this app's /api, such as "
        + "https://login.example.com/api (http in Development and for loopback only).";

    [Fact]
    public void Without_an_issuer_there_are_no_sessions_whatever_else_is_set() => Assert.Null(
        Read(("Session__Issuer", null), ("Session__Audience", "a"), ("Session__LifetimeMinutes", "0"), ("Session__Claims", "iss")));

    [Fact]
    public void What_is_not_set_has_the_default_of_the_contract()
    {
        var session = Read()!;

        Assert.Equal("https://login.example.com/api", session.Issuer);
        Assert.Equal(["orders-api"], session.Audiences);
        Assert.Equal(TimeSpan.FromHours(1), session.Lifetime);
        Assert.Empty(session.Claims);
        Assert.Equal("wecomfunc-session-key", session.KeySecretName);
    }

    [Fact]
    public void What_is_set_counts()
    {
        var session = Read(
            ("Session__Audience", " orders-api , https://crm.example.com/ "),
            ("Session__LifetimeMinutes", "1440"),
            ("Session__Claims", "name, department"),
            ("Session__KeySecretName", "my-key"))!;

        Assert.Equal(["orders-api", "https://crm.example.com/"], session.Audiences);
        Assert.Equal((TimeSpan.FromDays(1), "my-key"), (session.Lifetime, session.KeySecretName));
        Assert.Equal(["name", "department"], session.Claims);
    }

    [Theory]
    [InlineData("https://login.example.com/api", "https://login.example.com/api")]
    [InlineData("https://login.example.com/api/", "https://login.example.com/api")]
    [InlineData("https://login.example.com", "https://login.example.com")]
    [InlineData("https://Login.example.com:8443/team/api", "https://Login.example.com:8443/team/api")]
    [InlineData("http://127.0.0.1:7071/api", "http://127.0.0.1:7071/api")]
    [InlineData("\u200bhttps://login.example.com/api\n", "https://login.example.com/api")]
    public void The_issuer_is_taken_as_it_is_written_without_its_last_slash(string written, string taken) =>
        Assert.Equal(taken, Read(("Session__Issuer", written))!.Issuer);

    [Fact]
    public void In_Development_it_may_be_http_anywhere() => Assert.Equal(
        "http://login.lan/api", Read(("Session__Issuer", "http://login.lan/api"), ("DOTNET_ENVIRONMENT", "Development"))!.Issuer);

    [Theory]
    [InlineData("Session__Issuer", "http://login.example.com/api", IssuerMalformed)]
    [InlineData("Session__Issuer", "login.example.com/api", IssuerMalformed)]
    [InlineData("Session__Issuer", "https://login.example.com/api?x=1", IssuerMalformed)]
    [InlineData("Session__Issuer", "https://login.example.com/api#x", IssuerMalformed)]
    [InlineData("Session__Issuer", "https://user:password@login.example.com/api", IssuerMalformed)]
    [InlineData("Session__Issuer", "https://login.example.com/my api", IssuerMalformed)]
    [InlineData("Session__Issuer", "ftp://login.example.com/api", IssuerMalformed)]
    [InlineData("Session__Audience", null,
        "Session__Audience is missing: with Session__Issuer, it must say whom the session token is for, such as orders-api.")]
    [InlineData("Session__Audience", "orders api",
        "Session__Audience is malformed: it must be a comma-separated list of audiences without spaces, such as orders-api.")]
    [InlineData("Session__Audience", " , ",
        "Session__Audience is malformed: it must be a comma-separated list of audiences without spaces, such as orders-api.")]
    [InlineData("Session__LifetimeMinutes", "4", "Session__LifetimeMinutes is malformed: it must be a whole number from 5 to 1440.")]
    [InlineData("Session__LifetimeMinutes", "1441", "Session__LifetimeMinutes is malformed: it must be a whole number from 5 to 1440.")]
    [InlineData("Session__LifetimeMinutes", "7.5", "Session__LifetimeMinutes is malformed: it must be a whole number from 5 to 1440.")]
    [InlineData("Session__Claims", "name;department",
        "Session__Claims is malformed: it must be a comma-separated list of members of the profile, such as name,department.")]
    [InlineData("Session__KeySecretName", "my_key",
        "Session__KeySecretName is malformed: it must be the name of a Key Vault secret, 1 to 127 letters, digits and hyphens.")]
    public void What_is_missing_or_malformed_is_refused_with_what_it_must_be(string name, string? value, string line) =>
        Assert.Equal(line, Assert.Throws<SettingsException>(() => Read((name, value))).Message);

    [Theory]
    [InlineData("iss")]
    [InlineData("aud")]
    [InlineData("sub")]
    [InlineData("client_id")]
    [InlineData("iat")]
    [InlineData("nbf")]
    [InlineData("exp")]
    [InlineData("jti")]
    [InlineData("corpid")]
    [InlineData("userid")]
    [InlineData("scope")]
    [InlineData("roles")]
    [InlineData("cnf")]
    [InlineData("acr")]
    [InlineData("act")]
    [InlineData("amr")]
    [InlineData("auth_time")]
    [InlineData("azp")]
    [InlineData("entitlements")]
    [InlineData("groups")]
    [InlineData("may_act")]
    [InlineData("nonce")]
    [InlineData("scp")]
    [InlineData("sid")]
    [InlineData("typ")]
    [InlineData("iss, aud")]
    public void A_claim_that_means_something_else_in_a_token_is_refused_by_name(string claim) => Assert.Equal(
        $"Session__Claims has {claim}, which mean something else in a token: leave them out.",
        Assert.Throws<SettingsException>(() => Read(("Session__Claims", $"name,{claim}"))).Message);

    [Theory]
    [InlineData("Sub")]
    [InlineData("avatar")]
    public void Any_other_claim_is_taken(string claim) => Assert.Equal([claim], Read(("Session__Claims", claim))!.Claims);

    [Fact]
    public void All_that_is_wrong_is_told_at_once() => Assert.Equal(
        4,
        Assert.Throws<SettingsException>(() => Read(
            ("Session__Issuer", "x"), ("Session__Audience", null), ("Session__LifetimeMinutes", "x"), ("Session__KeySecretName", "_")))
            .Message.Split(Environment.NewLine).Length);

    private static SessionSettings? Read(params (string Name, string? Value)[] settings) =>
        DeployedSettings.Read([.. DeployedSettings.OfSessions, .. settings]).Session;
}
