using WeComFunc.Secrets;

namespace WeComFunc.Fleet;

/// <summary>Key Vault with the corpsecret that was stored last.</summary>
internal sealed class VaultModel(World world, Troubles troubles, CorpSecret secret)
{
    public CorpSecret Secret { get; set; } = secret;

    public int Reads { get; private set; }

    public async Task<Result<CorpSecret>> ReadAsync(int slot)
    {
        Reads++;
        await world.DelayAsync(world.Between(20, 100));
        return troubles.Now(Troubles.Vault, slot) is null ? Secret : new Failure(FailureKind.Busy);
    }
}
