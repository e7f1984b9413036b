using System.Diagnostics;
using System.Runtime.Versioning;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// A shell as an operator has it, with an <c>az</c> that only pretends: it answers as the real one does for an app on Flex Consumption, and
/// fails on any other call.
/// </summary>
[UnsupportedOSPlatform("windows")]
internal sealed class OperatorShell : IDisposable
{
    private const string Az = """
        #!/usr/bin/env bash
        all=$* calls=${0%/*}/az.log
        end=${AZ_END-$'\r\n'} # az on Windows; an empty one is az everywhere else
        end=${end:-$'\n'}
        printf '%s\n' "${*//$'\n'/ }" >>"$calls"
        syncs=$(grep -c 'host/default/sync?' "$calls" || true)
        [[ $* =~ sites/([^/?]+) ]] && app=${BASH_REMATCH[1]}
        site='/subscriptions/{subscriptionId}/resourceGroups/*/providers/Microsoft.Web/sites/*'
        case "$*" in
          'bicep install --version v'*) [[ $AZURE_BICEP_USE_BINARY_FROM_PATH == false ]] && echo 'Installing Bicep CLI…' ;;
          'bicep build-params --file '*' --outfile '*) [[ -f $4 ]] && printf '%s\n' "${AZ_PARAMETERS:-none}" >"$6" ;;
          'deployment group create '*' --output none') exit "${AZ_DEPLOYMENT_STATUS:-0}" ;;
          'deployment group what-if '*' --validation-level ProviderNoRbac') echo 'would create 20' ;;
          'deployment group show '*' --query properties.outputs.'*'.value --output tsv')
            output=${all##*outputs.} output=${output%%.*}
            # An output that is not there is null, which is an empty line.
            if ! grep -q "^output $output string" "$AZ_BICEP"; then echo
            elif [[ $output == *Url ]]; then printf 'https://func-1.example.com/api/%s%s' "${output%Url}" "$end"
            elif [[ $output == outboundIpAddress ]]; then printf '203.0.113.7%s' "$end"
            else printf '%s-1%s' "$output" "$end"; fi ;;

          # What az itself makes of an app on Flex Consumption: nothing where the script looks.
          'functionapp show '* | 'functionapp function '* | 'functionapp keys '* | 'functionapp config appsettings '*) echo ;;
          rest\ --method\ post\ *$site/host/default/sync\?api-version=*) exit "${AZ_SYNC_STATUS:-0}" ;;
          rest\ --method\ get\ *$site/functions\?api-version=*)
            printf '%s\r\n' "$app/WarmUp"
            ((syncs < ${AZ_LISTED_AFTER:-1})) ||
              printf '%s\r\n' "$app/Login" "$app/Health" "$app/RefreshAccessToken" "$app/SessionDiscovery" "$app/SigningKeys" "$app/MemberData" ;;
          rest\ --method\ get\ *$site/functions/RefreshAccessToken\?*) [[ ${AZ_TIMER:-false} != absent ]] && echo "${AZ_TIMER:-false}" ;;
          rest\ --method\ post\ *$site/config/appsettings/list\?*) echo "${AZ_PLAIN_STORAGE:-false}" ;;
          rest\ --method\ post\ *$site/functions/Login/listKeys\?*) echo function-key ;;
          rest\ --method\ put\ *$site/functions/Login/keys/next\?*) echo next-key ;;
          rest\ --method\ put\ *$site/functions/MemberData/keys/default\?*'"value":"function-key"'*) ;;
          rest\ --method\ put\ *$site/functions/MemberData/keys/next\?*'"value":"next-key"'*) ;;
          rest\ --method\ delete\ *$site/functions/Login/keys/default\?* | rest\ --method\ delete\ *$site/functions/MemberData/keys/default\?*) ;;
          'functionapp deployment source config-zip '*) [[ -f ${all##*--src } ]] ;;
          'functionapp delete '* | 'functionapp config access-restriction add '*) ;;

          'rest --resource 499b84ac-1321-427f-aa17-267ca6975798 --method get --url https://dev.azure.com/'*)
            case "$*" in
              *serviceendpoint/endpoints*' --query value[0].id '*) echo "$AZ_CONNECTION" ;;
              *serviceendpoint/endpoints*-preview*serviceprincipalid*) echo preview-application ;;
              *serviceendpoint/endpoints*serviceprincipalid*) echo deploy-application ;;
              *distributedtask/environments*) echo "${AZ_ENVIRONMENT:-}" ;;
              *pipelines/checks/configurations*) echo "${AZ_CHECKS:-}" ;;
              *) exit 9 ;;
            esac ;;
          'rest --resource 499b84ac-1321-427f-aa17-267ca6975798 --method post --url https://dev.azure.com/'*distributedtask/environments*) echo 7 ;;
          'rest --resource 499b84ac-1321-427f-aa17-267ca6975798 --method post --url https://dev.azure.com/'*pipelines/checks/configurations*) ;;

          'role assignment create '*)
            failed=$(grep -cF -- "$*" "$calls" || true)
            ((failed > ${AZ_ROLE_FAILURES:-0})) ;;
          'role definition list '*) echo 0 ;;
          'role definition create '* | 'role assignment delete '*) ;;
          'ad sp show --id '*) echo "object-of-$5" ;;
          'ad signed-in-user show '*) echo operator ;;
          'group show '*) echo /subscriptions/s/resourceGroups/g ;;
          'group create '* | 'group delete '* | 'provider register '* | 'extension add --name application-insights' | login) ;;
          'keyvault show '*) echo /subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v ;;
          'keyvault secret set '*' --file '*) file=${all##*--file } && cp "${file%% *}" "${0%/*}/stored" && exit "${AZ_SECRET_STATUS:-0}" ;;
          'keyvault secret set '*) ;;
          'lock create '* | 'lock delete '*) ;;
          'monitor app-insights query '*) echo '[]' ;;
          # The subnet is the app's for a while after the app is deleted.
          'network vnet subnet show '*) (($(grep -c '^network vnet subnet show' "$calls") > 2)) || echo legionservicelink ;;
          *) echo "az $*: nobody expected this" >&2; exit 9 ;;
        esac
        """;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("wecomfunc-");

    public OperatorShell() => Put("az", Az);

    /// <summary>Where the doubles are, and <see cref="RunAsync"/> runs.</summary>
    public string Folder => _directory.FullName;

    /// <summary>What <c>az</c> was called with, one call a line.</summary>
    public string[] Calls => File.Exists(Log) ? File.ReadAllLines(Log) : [];

    private string Log => Path.Combine(Folder, "az.log");

    public void Dispose() => _directory.Delete(recursive: true);

    /// <summary>Puts a program before all others of its name.</summary>
    public void Put(string name, string text)
    {
        var file = Path.Combine(Folder, name);
        File.WriteAllText(file, text.ReplaceLineEndings("\n"));
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Runs Bash.</summary>
    /// <param name="arguments">What Bash gets.</param>
    /// <param name="input">What is typed.</param>
    /// <param name="environment">What the shell knows beside the paths.</param>
    public async Task<(int Status, string Output)> RunAsync(
        string[] arguments, string input = "", params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo("bash", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Folder,
        };
        start.Environment["PATH"] = $"{Folder}:{start.Environment["PATH"]}";
        start.Environment["AZ_BICEP"] = Path.Combine(Repository.Root, "infra/main.bicep");
        start.Environment.Remove("TF_BUILD");
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync() + await errors;
        await process.WaitForExitAsync();
        Output.Run.Write(string.Join(' ', arguments.Take(1)), output);
        return (process.ExitCode, output);
    }
}
