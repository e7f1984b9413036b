using Microsoft.Extensions.Logging;
using WeComFunc.WeCom;

namespace WeComFunc.AccessTokens;

/// <summary>
/// Hands out the access_token of one app: from the memory of this process, from the row of the fleet, from WeCom, in this order
/// (rule T1), with one renewal at a time (rule T5).
/// </summary>
internal sealed partial class AccessTokenSource
{
    private readonly Lock _gate = new();
    private readonly WeComApp _app;
    private readonly TokenRenewer _renewer;
    private readonly TimeProvider _time;
    private readonly Telemetry _telemetry;
    private readonly ILogger<AccessTokenSource> _logger;
    private AccessToken? _current;
    private Renewal? _renewal;
    private long _lookAgainAt;
    private long _confirmAgainAt;
    private int _isConfirming;
    private Task _confirmation = Task.CompletedTask;

    public AccessTokenSource(WeComApp app, TokenRenewer renewer, TimeProvider time, Telemetry telemetry, ILogger<AccessTokenSource> logger)
    {
        (_app, _renewer, _time, _telemetry, _logger) = (app, renewer, time, telemetry, logger);
        telemetry.ObserveToken(() => Current, time, app);
    }

    /// <summary>The token in memory; it may have expired.</summary>
    public AccessToken? Current => Volatile.Read(ref _current);

    /// <summary>Ends with the renewal that is under way, the writing of its row included.</summary>
    public Task WhenIdle() => Volatile.Read(ref _renewal)?.Written.Task ?? Task.CompletedTask;

    /// <summary>Ends when nothing that was begun here is under way any more.</summary>
    public Task WhenQuiet() => Task.WhenAll(WhenIdle(), Volatile.Read(ref _confirmation));

    /// <summary>A token for a login. With ten minutes or more left it comes from memory without another call (rule T4).</summary>
    /// <param name="cancellationToken">Ends the waiting of this caller, never the renewal it waits for (rule T11).</param>
    public ValueTask<Result<TokenUse>> GetAsync(CancellationToken cancellationToken)
    {
        var token = Current;
        var now = _time.GetUtcNow();
        if (token is null || token.ExpiresAt <= now)
        {
            return new(WaitAsync(new(token is null ? RenewalReason.Missing : RenewalReason.Expired, token), cancellationToken));
        }

        var isFresh = token.ExpiresAt - now >= TokenRules.AheadWindow;
        if (!isFresh && now.UtcTicks >= Volatile.Read(ref _lookAgainAt))
        {
            Join(new(RenewalReason.Ahead, token));
        }

        return new(new TokenUse(token, TokenSource.Memory, isFresh ? RenewalReason.None : RenewalReason.Ahead));
    }

    /// <summary>Another token in place of one that WeCom rejected (rule T6).</summary>
    /// <inheritdoc cref="GetAsync" path="/param" />
    public async ValueTask<Result<TokenUse>> ReplaceAsync(AccessToken rejected, int? errcode, CancellationToken cancellationToken) =>
        await WaitAsync(new(RenewalReason.Rejected, Current, rejected, errcode), cancellationToken);

    /// <summary>
    /// To be told of a token that a login has been served with from beginning to end; the fleet learns of it where it has to (rules T6,
    /// T14).
    /// </summary>
    public void Confirm(AccessToken token)
    {
        if (token.OnProbation && Current is { OnProbation: true } current && current.Value == token.Value
            && _time.GetUtcNow().UtcTicks >= Volatile.Read(ref _confirmAgainAt) && Interlocked.Exchange(ref _isConfirming, 1) == 0)
        {
            Volatile.Write(ref _confirmation, ConfirmAsync(token));
        }
    }

    /// <summary>
    /// To be told that WeCom answers what only another corpsecret or setting can mend: the vault is asked again, once a minute at most, and
    /// a token that was obtained with another corpsecret is used no more (rule T8). It never throws.
    /// </summary>
    public async Task DoubtAsync()
    {
        try
        {
            var token = Current;
            if (await _renewer.RereadSecretAsync() is { } secret && token?.Secret != secret)
            {
                Interlocked.CompareExchange(ref _current, null, token);
            }
        }
        catch (Exception exception)
        {
            LogBroken(_logger, new RedactedException(exception), _app.CorpId);
        }
    }

    private async Task ConfirmAsync(AccessToken token)
    {
        try
        {
            // The row may not be written yet: the answer of a renewal comes first.
            await WhenIdle();
            if (await _renewer.ConfirmAsync(token) is { } again)
            {
                Volatile.Write(ref _confirmAgainAt, again.UtcTicks);
            }
            else if (Current is { } current && current.Value == token.Value)
            {
                Interlocked.CompareExchange(ref _current, current.Confirmed(), current);
            }
        }
        catch (Exception exception)
        {
            LogBroken(_logger, new RedactedException(exception), _app.CorpId);
        }
        finally
        {
            Volatile.Write(ref _isConfirming, 0);
        }
    }

    /// <summary>The timer's run: renews a token with less than forty minutes left (rule T4).</summary>
    /// <exception cref="TokenRenewalException">Nothing could be renewed, and the token has lapsed or is about to.</exception>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await WhenIdle().WaitAsync(cancellationToken);
        var (renewal, _) = Join(new(RenewalReason.Timer, Current));

        // The row has to be written before the run ends: the platform may take the instance away right after it.
        await renewal.Written.Task.WaitAsync(cancellationToken);
        var result = await renewal.Result.Task;
        var left = result.Token.TryGet(out var use) ? use.Token.ExpiresAt - _time.GetUtcNow() : TimeSpan.Zero;
        if (result.Failure is { } failure && left < TokenRules.AheadWindow)
        {
            throw new TokenRenewalException(
                $"The access_token of {_app.CorpId} was not renewed ({failure.Kind}, errcode {Telemetry.Label(failure.Errcode)}, app "
                + $"{_app.Name}) and has {left.TotalMinutes:0} minutes left. "
                + $"{Errcodes.Advice(failure, _app)}");
        }
    }

    /// <summary>What can be seen of the token, the row and the corpsecret now, without a call to WeCom.</summary>
    public Task<FleetView> LookAsync() => _renewer.LookAsync();

    /// <inheritdoc cref="TokenRenewer.ProbeAsync" />
    public Task<FleetView> ProbeAsync() => _renewer.ProbeAsync();

    /// <summary>How it stands, by what was seen and by what is in memory now.</summary>
    public TokenStatus StatusOf(FleetView view) => TokenStatus.Of(view, Current, _time.GetUtcNow());

    private async Task<Result<TokenUse>> WaitAsync(RenewalRequest request, CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        try
        {
            while (true)
            {
                if (Current is { } current && current.ExpiresAt > _time.GetUtcNow() && current.Value != request.Rejected?.Value)
                {
                    return new TokenUse(current, TokenSource.Memory, request.Reason);
                }

                var (renewal, isMine) = Join(request with { InMemory = Current });
                var result = await renewal.Result.Task.WaitAsync(cancellationToken);

                // Many logins may wait for this: they go on side by side, not one after the other on the thread of the renewal.
                await Task.Yield();
                var serves = result.Token.TryGet(out var use) ? use.Token.Value != request.Rejected?.Value : renewal.Request.IsWaitedFor;
                if (isMine || serves)
                {
                    return result.Token;
                }

                await renewal.Written.Task.WaitAsync(cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            return new Failure(FailureKind.Busy);
        }
        finally
        {
            _telemetry.Waited(request.Reason.Label(), _app.Name, _time.GetElapsedTime(started));
        }
    }

    /// <summary>The renewal under way, or a new one.</summary>
    private (Renewal Renewal, bool IsMine) Join(RenewalRequest request)
    {
        Renewal renewal;
        lock (_gate)
        {
            if (_renewal is { Written.Task.IsCompleted: false } underWay)
            {
                return (underWay, false);
            }

            _renewal = renewal = new Renewal(request);
        }

        _ = RunAsync(renewal);
        return (renewal, true);
    }

    private async Task RunAsync(Renewal renewal)
    {
        try
        {
            var result = await _renewer.RunAsync(renewal.Request);
            if (result.Token.TryGet(out var use))
            {
                Volatile.Write(ref _current, use.Token);
                Volatile.Write(ref _confirmAgainAt, 0);
            }

            Volatile.Write(ref _lookAgainAt, result.LookAgainAt(_time.GetUtcNow()).UtcTicks);
            renewal.Result.TrySetResult(result);
            Report(renewal.Request, result);
            await result.Written;
        }
        catch (Exception exception)
        {
            LogBroken(_logger, new RedactedException(exception), _app.CorpId);
            renewal.Result.TrySetException(exception);
        }
        finally
        {
            renewal.Written.SetResult();
        }
    }

    private void Report(RenewalRequest request, RenewalResult result)
    {
        var (reason, outcome) = (request.Reason.Label(), result.Outcome.Label());
        _telemetry.Renewed(reason, outcome, _app.Name);
        var left = result.Token.TryGet(out var use) ? (use.Token.ExpiresAt - _time.GetUtcNow()).TotalMinutes : 0;
        if (result.Failure is { } failure)
        {
            LogFailed(_logger, result.Outcome is RenewalOutcome.Failed ? LogLevel.Warning : LogLevel.Information,
                reason, outcome, left, failure.Kind, Telemetry.Label(failure.Errcode), _app.Name, NextTry(failure),
                Errcodes.Advice(failure, _app));
        }
        else
        {
            var isOfNoInterest = request.Reason is RenewalReason.Ahead
                && result.Outcome is RenewalOutcome.NotDue or RenewalOutcome.LeasedByAnother;
            LogRenewal(_logger, isOfNoInterest ? LogLevel.Debug : LogLevel.Information, reason, outcome, left, _app.Name);
        }
    }

    internal static string NextTry(Failure failure) =>
        failure.RetryAfter is { } pause ? $"in {pause.TotalSeconds:0} s" : "with the next login or run";

    [LoggerMessage(EventId = 311, Message = "Token renewal: reason {Reason}, outcome {Outcome}, {MinutesLeft:0} minutes left, app {App}")]
    private static partial void LogRenewal(ILogger logger, LogLevel level, string reason, string outcome, double minutesLeft, string app);

    [LoggerMessage(
        EventId = 312,
        Message =
            "Token renewal: reason {Reason}, outcome {Outcome}, {MinutesLeft:0} minutes left, failure {Failure}, errcode {Errcode}, app "
            + "{App}, next try {NextTry}. {Advice}")]
    private static partial void LogFailed(
        ILogger logger,
        LogLevel level,
        string reason,
        string outcome,
        double minutesLeft,
        FailureKind failure,
        string errcode,
        string app,
        string nextTry,
        string advice);

    [LoggerMessage(
        313, LogLevel.Error, "The renewal of the access_token of {CorpId} broke off: this is a defect of the software, please report it")]
    private static partial void LogBroken(ILogger logger, Exception exception, string corpId);

    /// <summary>A renewal under way: its result comes before the row is written, and only one is under way until that is done.</summary>
    private sealed class Renewal(RenewalRequest request)
    {
        public RenewalRequest Request { get; } = request;

        public TaskCompletionSource<RenewalResult> Result { get; } = new();

        public TaskCompletionSource Written { get; } = new();
    }
}
