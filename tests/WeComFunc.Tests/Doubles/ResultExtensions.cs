namespace WeComFunc.Tests.Doubles;

/// <summary>For tests that expect a success: a failure fails them.</summary>
internal static class ResultExtensions
{
    extension<T>(Result<T> result)
    {
        public T Value =>
            result.TryGet(out var value, out var failure) ? value : throw new InvalidOperationException($"There is no value: {failure}.");
    }
}
