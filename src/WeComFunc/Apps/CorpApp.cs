using WeComFunc.AccessTokens;
using WeComFunc.Secrets;
using WeComFunc.WeCom;

namespace WeComFunc.Apps;

/// <summary>One app of one corp, with everything that is its own: its trouble is no other's.</summary>
/// <param name="app">Which app.</param>
/// <param name="client">Its calls to WeCom.</param>
/// <param name="secrets">Its corpsecret.</param>
/// <param name="tokens">Its access_token.</param>
internal sealed class CorpApp(WeComApp app, WeComClient client, CorpSecretSource secrets, AccessTokenSource tokens)
{
    private LoginTrouble? _trouble;

    public WeComApp App => app;

    public WeComClient Client => client;

    public CorpSecretSource Secrets => secrets;

    public AccessTokenSource Tokens => tokens;

    /// <summary>Who posted codes of another mini program (rule T14).</summary>
    public ForeignCodes ForeignCodes { get; } = new();

    /// <summary>Why the logins of this process did not succeed of late, where an operator has to mend that; null where one has.</summary>
    public LoginTrouble? Trouble => Volatile.Read(ref _trouble);

    /// <summary>Says what is left of a trouble, unless another login has said something since.</summary>
    public void Replace(LoginTrouble? seen, LoginTrouble? left)
    {
        if (left != seen)
        {
            Interlocked.CompareExchange(ref _trouble, left, seen);
        }
    }
}
