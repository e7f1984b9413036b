using System.Diagnostics.CodeAnalysis;
using WeComFunc.Tests.Doubles;
using Xunit.Abstractions;

[assembly: TestCollectionOrderer("WeComFunc.Tests.CollectionOrder", "WeComFunc.Tests")]

namespace WeComFunc.Tests;

/// <summary>Tests that look back on the run, after all others.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
[SuppressMessage("Naming", "CA1711", Justification = "A collection is what xunit calls it.")]
public sealed class LastCollection : ICollectionFixture<Azurite>
{
    public const string Name = "last";
}

/// <summary>
/// Puts the long collections first, so that none of them runs alone in the end, and <see cref="LastCollection"/> last;
/// xunit runs collections without parallelization after the others, in this order.
/// </summary>
public sealed class CollectionOrder : ITestCollectionOrderer
{
    private static readonly string[] Long =
    [
        HostsCollection.Name, AzuriteCollection.Name, nameof(FleetSimulationTests), PublishedAppCollection.Name,
        nameof(Playground.PlaygroundTests), nameof(FaultMatrixTests), nameof(ConsolePageTests), nameof(InfraScriptTests), nameof(FuzzTests),
    ];

    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderBy(Rank);

    private static int Rank(ITestCollection collection)
    {
        var rank = Array.FindIndex(Long, name => collection.DisplayName.EndsWith(name, StringComparison.Ordinal));
        return collection.DisplayName == LastCollection.Name ? int.MaxValue : rank < 0 ? Long.Length : rank;
    }
}
