namespace WeComFunc.Fleet;

/// <summary>
/// Whoever looks after the corpsecret, and makes one mistake after the other: stores that of another app, or has WeCom reset it and stores
/// the new one only later.
/// </summary>
internal sealed class Operator(World world, Troubles troubles, WeComModel weCom, VaultModel vault)
{
    private static readonly int[] OfAnotherApp = [48002, 301002, 40014];

    public void Err()
    {
        if (vault.Secret != weCom.Secret)
        {
            return;
        }

        var kind = Troubles.Mistakes[world.Random.Next(Troubles.Mistakes.Length)];
        if (kind is Trouble.SecretReset)
        {
            weCom.Reset(isRevoking: world.Random.Next(2) == 0);
            PutRightAfter(troubles.Begin(kind));
        }
        else
        {
            StoreAnotherApps();
        }
    }

    public void StoreAnotherApps()
    {
        weCom.AnotherAppsErrcode = OfAnotherApp[world.Random.Next(OfAnotherApp.Length)];
        vault.Secret = WeComModel.AnotherApps;
        PutRightAfter(troubles.Begin(Trouble.AnotherAppsSecret));
    }

    private void PutRightAfter(TimeSpan duration) => world.After(duration, () => vault.Secret = weCom.Secret);
}
