namespace WeComFunc.Fleet;

/// <summary>What rule T5 promises: a living holder keeps its lease, and gives it back in time.</summary>
internal sealed class LeasePromises
{
    private readonly World _world;
    private readonly Troubles _troubles;
    private readonly TableModel _table;
    private readonly Breaches _breaches;

    /// <summary>When which lease lost its holder.</summary>
    private readonly Dictionary<string, TimeSpan> _lapses = [];

    /// <summary>The last lease that was taken over from another holder.</summary>
    private HeldLease? _takenOver;

    public LeasePromises(World world, Troubles troubles, TableModel table, Breaches breaches)
    {
        (_world, _troubles, _table, _breaches) = (world, troubles, table, breaches);
        table.Leased = Check;
    }

    public void Died(Instance instance)
    {
        if (instance.Connection.Lease is { } lease)
        {
            _lapses[lease] = _world.Now;
        }
    }

    public bool HasLapsedSince(TimeSpan since) => _lapses.Values.Any(at => at >= since);

    /// <summary>
    /// Whether a login saw a lease taken over whose new holder died as well, or lost the table: that costs it 6 s of its 10, and T5
    /// promises no more than one.
    /// </summary>
    public bool HasLapsedTwice(TimeSpan began) =>
        _takenOver is { } lease && lease.At >= began && (_lapses.ContainsKey(lease.Id) || !IsAnswered(lease));

    private void Check(HeldLease lease, HeldLease? left)
    {
        if (left is not null)
        {
            _takenOver = lease;
            if (left.Holder.Lease == left.Id && IsAnswered(left))
            {
                _breaches.Add("a living holder was taken over", $"{left.Holder.Slot} by {lease.Holder.Slot} after {_world.Now - left.At}");
            }
        }

        _world.After(Felt.Lease + TimeSpan.FromMilliseconds(100), () =>
        {
            if (_table.Row!.Lease == lease.Id && IsAnswered(lease) && !_troubles.Any(Troubles.Table, lease.At, lease.Holder.Slot))
            {
                _breaches.Add("a living holder left its lease", $"{lease.Holder.Slot} at {lease.At}");
            }
        });
    }

    /// <summary>Whether the holder lives and the table has answered it, the writing of the lease included.</summary>
    private static bool IsAnswered(HeldLease lease) => !lease.Holder.IsDead && lease.Holder.TableFailedAt < lease.WrittenAt;
}
