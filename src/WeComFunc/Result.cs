using System.Diagnostics.CodeAnalysis;

namespace WeComFunc;

/// <summary>What a call came to: a value or a failure. The compiler sees to it that nobody takes the value of a failure.</summary>
public readonly struct Result<T>
{
    private readonly T? _value;

    private Result(T? value, Failure? failure) => (_value, Failure) = (value, failure);

    /// <summary>The failure; null on success.</summary>
    public Failure? Failure { get; }

    /// <summary>Gives the value of a success.</summary>
    /// <returns>Whether it is one.</returns>
    public bool TryGet([MaybeNullWhen(false)] out T value)
    {
        value = _value;
        return Failure is null;
    }

    /// <summary>Gives the value of a success, or the failure.</summary>
    /// <inheritdoc cref="TryGet(out T)" path="/returns" />
    public bool TryGet([MaybeNullWhen(false)] out T value, [NotNullWhen(false)] out Failure? failure)
    {
        (value, failure) = (_value, Failure);
        return failure is null;
    }

    /// <summary>A success.</summary>
    public static implicit operator Result<T>(T value) => new(value, null);

    /// <summary>A failure.</summary>
    public static implicit operator Result<T>(Failure failure) => new(default, failure);
}
