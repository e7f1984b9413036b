namespace WeComFunc.Benchmarks;

/// <summary>A contender that is up, as a process of its own.</summary>
internal interface IRunning : IAsyncDisposable
{
    Uri Login { get; }

    Figures Figures { get; }

    /// <inheritdoc cref="Logins.PostAsync"/>
    Task LoginAsync();
}
