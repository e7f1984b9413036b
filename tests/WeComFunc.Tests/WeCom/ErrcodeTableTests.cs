using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary>What each errcode means in each call, as a table (document 90313), and what an operator does about it.</summary>
public sealed class ErrcodeTableTests
{
    /// <summary>The classes of the contract, by what <c>jscode2session</c>, <c>gettoken</c> and <c>user/get</c> mean with them.</summary>
    private static readonly (FailureKind Exchange, FailureKind GetToken, FailureKind GetUser, int[] Errcodes)[] Classes =
    [
        (
            FailureKind.InvalidCode, FailureKind.Unexpected, FailureKind.Unexpected,
            [40029, 40078, 40163, 41008, 42003, 42013, 42022, 43016, 90307]),
        (
            FailureKind.CorpMismatch, FailureKind.Unexpected, FailureKind.MemberNotVisible,
            [92002]),
        (
            FailureKind.MemberNotVisible, FailureKind.Unexpected, FailureKind.MemberNotVisible,
            [40003, 46004, 50002, 60011, 60021, 60030, 60111, 660003, 92000]),
        (
            FailureKind.Busy, FailureKind.Busy, FailureKind.Busy,
            [-1, 6000, 45009, 45033]),
        (
            FailureKind.TokenRejected, FailureKind.Misconfigured, FailureKind.TokenRejected,
            [40001, 40014, 41001, 42001]),
        (
            FailureKind.Misconfigured, FailureKind.Misconfigured, FailureKind.Misconfigured,
            [
                40013, 40091, 40141, 41002, 41004, 41024, 45031, 48001, 48002, 48004, 48006, 48008, 48009, 50003, 50006,
                60020, 60031, 90200, 90206, 90207, 90208, 90210, 90211, 90212, 90308, 92001, 92003, 301002, 301007, 301042
            ]),
    ];

    private static readonly int[] OfForeignCodes = [40014, 48002, 90200, 90206, 90207, 90208, 90210, 90211, 90212, 301002];

    public static TheoryData<int, FailureKind, FailureKind, FailureKind> Rows
    {
        get
        {
            var rows = new TheoryData<int, FailureKind, FailureKind, FailureKind>();
            foreach (var (exchange, getToken, getUser, errcodes) in Classes)
            {
                foreach (var errcode in errcodes)
                {
                    rows.Add(errcode, exchange, getToken, getUser);
                }
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    [InlineData(0, FailureKind.Unexpected, FailureKind.Unexpected, FailureKind.Unexpected)]
    [InlineData(12345, FailureKind.Unexpected, FailureKind.Unexpected, FailureKind.Unexpected)]
    public void An_errcode_is_of_the_class_of_its_call(int errcode, FailureKind exchange, FailureKind getToken, FailureKind getUser)
    {
        Assert.Equal(
            (exchange, getToken, getUser, getUser),
            (
                Errcodes.OfDataCall(errcode), Errcodes.OfGetToken(errcode), Errcodes.OfGetUser(errcode),
                Errcodes.OfGetDepartment(errcode)));
        Assert.Equal(OfForeignCodes.Contains(errcode), Errcodes.IsOfForeignCodes(errcode));
        Assert.Equal(errcode is 40001 or 40091, Errcodes.IsAboutSecret(errcode));
    }

    [Fact]
    public void There_is_no_errcode_beyond_those_of_the_contract() =>
        Assert.Equal(Rows.Select(row => (int)row[0]).Order(), Errcodes.All.Select(errcode => errcode.Number).Order());

    [Theory]
    [InlineData(60003)]
    [InlineData(60123)]
    public void A_department_that_is_none_is_one_that_cannot_be_seen(int errcode) => Assert.Equal(
        (FailureKind.MemberNotVisible, FailureKind.Unexpected), (Errcodes.OfGetDepartment(errcode), Errcodes.OfGetUser(errcode)));

    [Fact]
    public void Without_an_errcode_it_is_about_nothing() =>
        Assert.Equal((false, false), (Errcodes.IsAboutSecret(null), Errcodes.IsOfForeignCodes(null)));

    [Fact]
    public void Whatever_gettoken_answers_is_busy_misconfigured_or_unexpected() => Assert.Equal(
        [FailureKind.Misconfigured, FailureKind.Busy, FailureKind.Unexpected],
        Enumerable.Range(-1, 1_000_000).Select(Errcodes.OfGetToken).Distinct().Order());

    [Fact]
    public void Every_errcode_that_an_operator_has_to_look_after_has_an_advice_of_its_own()
    {
        var withoutErrcode = Errcodes.Advice(FailureKind.Misconfigured, null);
        var operators = Errcodes.All.Where(errcode => errcode.Kind is FailureKind.Misconfigured or FailureKind.TokenRejected).ToList();

        Assert.Equal(34, operators.Count);
        Assert.All(operators, errcode =>
        {
            Assert.Matches(@"^[A-Z][^.\n]+\.$", errcode.Advice);
            Assert.DoesNotContain("access_token", errcode.Advice);
            Assert.Equal(errcode.Advice, Errcodes.Advice(FailureKind.Misconfigured, errcode.Number));
            Assert.NotEqual(withoutErrcode, errcode.Advice);
        });
    }

    [Theory]
    [InlineData(FailureKind.Misconfigured, 48002, "another app")]
    [InlineData(FailureKind.Misconfigured, 40141, "account in disorder")]
    [InlineData(FailureKind.Misconfigured, 45031, "reset the app's Secret")]
    [InlineData(FailureKind.InvalidCode, 40029, "another app")]
    [InlineData(FailureKind.Misconfigured, 60020, "the proxy's where there is one")]
    [InlineData(FailureKind.Misconfigured, 301042, "企业可信IP")]
    [InlineData(FailureKind.InvalidCode, 48002, "of another mini program")]
    [InlineData(FailureKind.Unexpected, 40029, "document 90313")]
    public void An_advice_names_what_reports_showed_to_be_the_cause(FailureKind kind, int errcode, string cause) =>
        Assert.Contains(cause, Errcodes.Advice(kind, errcode));

    /// <summary>A failure without an errcode, or with one that says nothing of its own: what its class says.</summary>
    [Theory]
    [InlineData(FailureKind.Busy, null, "WeCom or Key Vault is busy or out of reach: ")]
    [InlineData(FailureKind.Busy, -1, "WeCom or Key Vault is busy or out of reach: ")]
    [InlineData(FailureKind.Busy, 40001, "WeCom or Key Vault is busy or out of reach: ")]
    [InlineData(FailureKind.Busy, 45009, "Too many calls: ")]
    [InlineData(FailureKind.Busy, 45033, "Too many calls at the same time: ")]
    [InlineData(
        FailureKind.Misconfigured, null,
        "Check that the Key Vault secret exists, is enabled and not empty, and that the app's identity has the role ")]
    [InlineData(FailureKind.Misconfigured, 12345, "Check that the Key Vault secret ")]
    [InlineData(FailureKind.Misconfigured, 40029, "Check that the Key Vault secret ")]
    [InlineData(
        FailureKind.Unexpected, null,
        "WeCom answered something undocumented: look the errcode up in document 90313, or check WeCom__BaseUrl ")]
    [InlineData(FailureKind.Unexpected, 12345, "WeCom answered something undocumented: ")]
    [InlineData(FailureKind.TokenRejected, 42001, "WeCom rejects every token: ")]
    [InlineData(FailureKind.InvalidCode, 40029, "WeCom does not take the code: ")]
    [InlineData(FailureKind.InvalidCode, 301002, "The code is probably of another mini program: ")]
    public void Without_an_advice_of_its_own_an_errcode_has_that_of_its_class(FailureKind kind, int? errcode, string beginning)
    {
        var advice = Errcodes.Advice(kind, errcode);

        Assert.StartsWith(beginning, advice);
        Assert.Matches(@"\A[A-Z][^\n]+\.\z", advice);
    }

    [Theory]
    [InlineData(FailureKind.InvalidCode, null)]
    [InlineData(FailureKind.InvalidCode, 40163)]
    [InlineData(FailureKind.InvalidCode, 60020)]
    [InlineData(FailureKind.MemberNotVisible, 60111)]
    [InlineData(FailureKind.CorpMismatch, 92002)]
    [InlineData(FailureKind.OtherApp, null)]
    public void Where_an_operator_has_nothing_to_do_there_is_no_advice(FailureKind kind, int? errcode) =>
        Assert.Equal("", Errcodes.Advice(kind, errcode));
}
