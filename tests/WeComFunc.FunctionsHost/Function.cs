using System.Text.Json;
using NCrontab;
using WeComFunc.FunctionsHost.Rpc;

namespace WeComFunc.FunctionsHost;

/// <summary>A function and its trigger.</summary>
/// <param name="Id">By which the worker knows it.</param>
/// <param name="Name">Its name.</param>
/// <param name="Parameter">The name of the trigger's parameter.</param>
/// <param name="Route">Where it is served, if the trigger is HTTP, prefix included.</param>
/// <param name="Trigger">The trigger's binding.</param>
internal sealed record Function(string Id, string Name, string Parameter, string Route, JsonElement Trigger)
{
    public bool IsHttp => Type == "httpTrigger";

    public bool IsTimer => Type == "timerTrigger";

    /// <summary>The methods that it takes, upper case; empty for all.</summary>
    public string[] Methods => Trigger.TryGetProperty("methods", out var methods) && methods.ValueKind is JsonValueKind.Array
        ? [.. methods.EnumerateArray().Select(method => method.GetString()!.ToUpperInvariant())]
        : [];

    private string? Type => Text(Trigger, "type");

    /// <summary>Finds the trigger among the bindings.</summary>
    public static Function Of(RpcFunctionMetadata metadata, string routePrefix)
    {
        var trigger = metadata.RawBindings.Select(binding => JsonSerializer.Deserialize<JsonElement>(binding))
            .First(binding => Text(binding, "type")!.EndsWith("Trigger", StringComparison.Ordinal));
        var route = $"{routePrefix}/{Text(trigger, "route") ?? metadata.Name}".TrimStart('/');
        return new(metadata.FunctionId, metadata.Name, Text(trigger, "name")!, route, trigger);
    }

    /// <summary>The timer's schedule, as it is written; <c>%NAME%</c> is the setting of that name.</summary>
    /// <exception cref="InvalidOperationException">There is no such setting.</exception>
    public string ScheduleExpression(IReadOnlyDictionary<string, string?> settings)
    {
        var schedule = Text(Trigger, "schedule")!;
        return !schedule.StartsWith('%') ? schedule
            : settings.GetValueOrDefault(schedule.Trim('%'))
                ?? throw new InvalidOperationException($"The setting {schedule} with the schedule of {Name} is missing.");
    }

    /// <inheritdoc cref="ScheduleExpression" />
    public CrontabSchedule Schedule(IReadOnlyDictionary<string, string?> settings)
    {
        var expression = ScheduleExpression(settings);
        var fields = expression.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;
        return CrontabSchedule.Parse(expression, new() { IncludingSeconds = fields == 6 });
    }

    private static string? Text(JsonElement binding, string member) =>
        binding.TryGetProperty(member, out var text) ? text.GetString() : null;
}
